/**
 * Strangers choose the URLs that our server connects to. The guard decides which of them it may:
 * one set of rules for registration, for test sends and for every connection.
 */
import { isIP } from 'node:net'
import { WebhooksError } from '../errors.ts'
import type { FaultOrigin } from '../model.ts'
import { embeddedIPv4, isNat64, parseAddress, specialPurpose } from './address-classes.ts'
import { matchesAddress, matchesHost, parseAddressRules } from './address-rules.ts'
import { createResolver, type Lookup, LookupError, lookupErrorFrom } from './resolver.ts'
import { findUrlProblem, hostnameOf, isLocalhost, isLocalName } from './url-rules.ts'

/** Rules about where deliveries may go. */
export interface AddressGuardOptions {
  /**
   * Exceptions for self-hosters and tests: CIDRs and addresses (`10.20.0.0/16`, `127.0.0.1`) that
   * may be connected to although they are not public, and host names (`hooks.example.com`,
   * `*.example.com` for all names below it) that may lead anywhere except to what `deny` lists.
   * Trust a name only if you trust whoever answers for it in DNS. Default: none.
   */
  allow?: readonly string[] | undefined
  /** CIDRs, addresses and host names that are refused in any case. Default: none. */
  deny?: readonly string[] | undefined
  /**
   * The only ports accepted, 80 and 443 included or not. Default: every port but those that the
   * fetch standard blocks because other protocols live there.
   */
  ports?: readonly number[] | undefined
  /** Refuses `http:` URLs. Default: `false`. */
  httpsOnly?: boolean | undefined
  /**
   * Resolves a host name to all of its addresses. Default: a resolver of our own that reads
   * the hosts file, asks the system's name servers and adds no search domain. Names below
   * `localhost` are never looked up.
   */
  lookup?: Lookup | undefined
}

/** What the guard says about a URL. */
export interface AddressVerdict {
  allowed: boolean
  /**
   * Why not, in words that may be shown to whoever gave the URL: they name the kind of network,
   * and no address that a name resolved to. `null` if allowed.
   */
  reason: string | null
  /** What the host resolves to, all of it judged; empty if refused, or if allowed by its name. */
  addresses: string[]
}

/** Judges where URLs lead. Immutable: other rules need another guard. */
export interface AddressGuard {
  /** Judges a URL as a connection to it would be judged at this moment. Never rejects. */
  check(url: string | URL): Promise<AddressVerdict>
  /** Does the same, and gives the addresses. @throws AddressRefusal */
  admit(url: string | URL): Promise<string[]>
  /** Judges all but where a host name leads. @throws AddressRefusal */
  checkUrl(url: URL): void
  /** Every address to which the host leads now, all of them allowed. @throws AddressRefusal */
  resolve(url: URL): Promise<readonly string[]>
  /** Judges the address at the far end of a connection made for a URL. @throws AddressRefusal */
  checkAddress(url: URL, address: string): void
}

/** Why the guard lets nothing through. Its message may be shown to whoever gave the URL. */
export class AddressRefusal extends Error {
  readonly code: 'invalid_url' | 'address_refused' | 'dns_not_found' | 'dns_failed'
  readonly origin: FaultOrigin

  constructor(code: AddressRefusal['code'], message: string, origin: FaultOrigin = 'receiver') {
    super(message)
    this.code = code
    this.origin = origin
  }
}

/** A look-up that takes longer counts as failed. Longer than the default resolver ever takes. */
const lookupTimeoutMs = 5_000

/**
 * Creates the guard that decides where deliveries may go. By default, only public addresses:
 * private, loopback, link-local, cloud metadata and every other special-purpose range (IANA's
 * registries) are refused, whether written in the URL or behind a name, in every spelling.
 *
 * @throws WebhooksError `invalid_option`
 *
 * @example
 * const guard = createAddressGuard({ allow: ['10.20.0.0/16'], httpsOnly: true })
 * const { allowed, reason } = await guard.check('https://hooks.example.com/in')
 */
export function createAddressGuard(options: AddressGuardOptions = {}): AddressGuard {
  refuseUnknownOptions(options)
  const allow = parseAddressRules('allow', options.allow ?? [])
  const deny = parseAddressRules('deny', options.deny ?? [])
  const urlRules = { ports: parsePorts(options.ports), httpsOnly: parseHttpsOnly(options) }
  const lookup = parseLookup(options)

  function checkUrl(url: URL): void {
    const problem = findUrlProblem(url, urlRules)
    if (problem !== null) throw new AddressRefusal('invalid_url', problem)
    const hostname = hostnameOf(url)
    if (matchesHost(deny, hostname)) {
      throw new AddressRefusal('address_refused', `${quote(hostname)} is denied by the operator`)
    }
    if (isIP(hostname) !== 0) checkAddress(url, hostname)
  }

  function checkAddress(url: URL, text: string): void {
    const hostname = hostnameOf(url)
    const purpose = refusedPurpose(hostname, text)
    if (purpose === null) return
    throw new AddressRefusal('address_refused', `${quote(hostname)} is not public: ${purpose}`)
  }

  /** What speaks against connecting to an address for the sake of a host; `null` if nothing does. */
  function refusedPurpose(hostname: string, text: string): string | null {
    const address = parseAddress(text)
    const embedded = embeddedIPv4(address)
    const forms = embedded === null ? [address] : [address, embedded]
    if (forms.some((form) => matchesAddress(deny, form))) return 'denied by the operator'
    if (matchesHost(allow, hostname) || matchesAddress(allow, address)) return null
    // DNS64 gives such answers for every name that has only IPv4: the address inside counts.
    // Nobody honest writes one into a URL.
    if (embedded !== null && isNat64(address) && hostname !== text) {
      return matchesAddress(allow, embedded) ? null : specialPurpose(embedded)
    }
    return specialPurpose(address) ?? (embedded && specialPurpose(embedded))
  }

  async function resolve(url: URL): Promise<readonly string[]> {
    const hostname = hostnameOf(url)
    if (isIP(hostname) !== 0) {
      checkAddress(url, hostname)
      return [hostname]
    }
    if (isLocalhost(hostname)) return resolveLocalhost(hostname)
    if (isLocalName(hostname) && !matchesHost(allow, hostname)) return resolveLocalName(hostname)
    const addresses = await lookUp(hostname)
    for (const address of addresses) checkAddress(url, address)
    return addresses
  }

  function resolveLocalhost(hostname: string): string[] {
    const usable = ['127.0.0.1', '::1'].filter((text) => refusedPurpose(hostname, text) === null)
    if (usable.length > 0) return usable
    throw new AddressRefusal(
      'address_refused',
      `${quote(hostname)} is not public: loopback (127.0.0.0/8)`,
    )
  }

  /**
   * Usable only where every answer is an explicit exception. All else gets one and the same
   * refusal, found or not, so that nobody can list the names on our network by asking.
   */
  async function resolveLocalName(hostname: string): Promise<readonly string[]> {
    const refusal = new AddressRefusal(
      'address_refused',
      `${quote(hostname)} is not public: a name for a local network`,
    )
    if (allow.ranges.length === 0) throw refusal
    const addresses = await lookUp(hostname).catch((error: unknown) => {
      throw error instanceof AddressRefusal && error.code === 'dns_failed' ? error : refusal
    })
    const allowed = addresses.every(
      (text) =>
        matchesAddress(allow, parseAddress(text)) && refusedPurpose(hostname, text) === null,
    )
    if (!allowed) throw refusal
    return addresses
  }

  async function lookUp(hostname: string): Promise<readonly string[]> {
    try {
      const addresses = [...new Set(await withinLookupTimeout(lookup(hostname)))]
      if (addresses.length === 0) {
        throw new LookupError('dns_not_found', 'it has no address', 'receiver')
      }
      if (addresses.some((address) => isIP(address) === 0)) {
        throw new LookupError(
          'dns_failed',
          'the look-up gave something else than addresses',
          'sender',
        )
      }
      return addresses
    } catch (error) {
      const { code, message, origin } = lookupErrorFrom(error)
      throw new AddressRefusal(code, `${quote(hostname)} was not found: ${message}`, origin)
    }
  }

  async function admit(given: string | URL): Promise<string[]> {
    const url = parseUrl(given)
    checkUrl(url)
    // A name that may lead anywhere need not be looked up to be allowed.
    const trusted = matchesHost(allow, hostnameOf(url)) && deny.ranges.length === 0
    return trusted ? [] : [...(await resolve(url))]
  }

  async function check(url: string | URL): Promise<AddressVerdict> {
    try {
      return { allowed: true, reason: null, addresses: await admit(url) }
    } catch (error) {
      if (!(error instanceof AddressRefusal)) throw error
      return { allowed: false, reason: error.message, addresses: [] }
    }
  }

  return { check, admit, checkUrl, resolve, checkAddress }
}

/** @throws AddressRefusal */
export function parseUrl(url: string | URL): URL {
  if (url instanceof URL) return url
  if (!URL.canParse(url)) throw new AddressRefusal('invalid_url', 'it is not an absolute URL')
  return new URL(url)
}

function quote(hostname: string): string {
  return `"${hostname}"`
}

async function withinLookupTimeout<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new LookupError('dns_failed', `no answer within ${lookupTimeoutMs} ms`, 'sender'))
    }, lookupTimeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

const optionNames = new Set(['allow', 'deny', 'ports', 'httpsOnly', 'lookup'])

/** A misspelt rule must not silently leave a door open, or shut. */
function refuseUnknownOptions(options: AddressGuardOptions): void {
  const unknown = Object.keys(options).find((name) => !optionNames.has(name))
  if (unknown === undefined) return
  throw invalidOption(`has no option "${unknown}"; it has ${[...optionNames].join(', ')}`)
}

function parsePorts(ports: readonly number[] | undefined): ReadonlySet<number> | null {
  if (ports === undefined) return null
  const valid =
    Array.isArray(ports) &&
    ports.length > 0 &&
    ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535)
  if (!valid) throw invalidOption('wants "ports" to be a list of numbers from 1 to 65535')
  return new Set(ports)
}

function parseHttpsOnly({ httpsOnly = false }: AddressGuardOptions): boolean {
  if (typeof httpsOnly !== 'boolean') throw invalidOption('wants "httpsOnly" to be true or false')
  return httpsOnly
}

function parseLookup({ lookup }: AddressGuardOptions): Lookup {
  if (lookup === undefined) return createResolver()
  if (typeof lookup !== 'function') throw invalidOption('wants "lookup" to be a function')
  return lookup
}

function invalidOption(problem: string): WebhooksError {
  return new WebhooksError('invalid_option', `The address guard ${problem}.`)
}
