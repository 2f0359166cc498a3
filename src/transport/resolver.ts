/**
 * Name look-ups that cannot hurt the host process. `dns.lookup` runs two at a time in libuv's
 * thread pool and cannot be given up on: a few dead names delay every look-up of the process by
 * tens of seconds. A resolver of our own (c-ares) asks over sockets, with a limit on time.
 */
import { Resolver } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultOrigin } from '../model.ts'
import { createHostsFile, type HostsFile } from './hosts-file.ts'

/**
 * Resolves a host name to all of its addresses, IPv4 and IPv6. Rejects with an error whose
 * `code` is `ENOTFOUND` or `ENODATA` where the name has none, and with any other where the
 * look-up itself failed.
 */
export type Lookup = (hostname: string) => Promise<readonly string[]>

/** Why a name gave no address. */
export class LookupError extends Error {
  readonly code: 'dns_not_found' | 'dns_failed'
  readonly origin: FaultOrigin
  /** Whether nothing came, where a name server that works might have said that it cannot tell. */
  readonly isSilence: boolean

  constructor(code: LookupError['code'], message: string, origin: FaultOrigin, isSilence = false) {
    super(message)
    this.code = code
    this.origin = origin
    this.isSilence = isSilence
  }
}

/** Codes by which a name server says that it cannot tell; others say that it does not answer. */
const refusalCodes = new Set(['ESERVFAIL', 'EREFUSED', 'EFORMERR', 'ENOTIMP', 'EBADRESP'])

/** For how long an answer shows that the name server works. */
const worksForMs = 60_000

/** Codes that say "there is no such name" or "it has no address", from c-ares and getaddrinfo. */
const notFoundCodes = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EAI_NONAME', 'EAI_NODATA'])

/**
 * Creates the default look-up: the hosts file, and for names that it does not hold the name servers
 * (the system's unless others are given), asked for A and AAAA at once. It does not try search
 * domains.
 */
export function createResolver(
  servers?: readonly string[],
  hostsFile: HostsFile = createHostsFile(),
): Lookup {
  const resolver = new Resolver({ timeout: 1_000, tries: 2 })
  if (servers !== undefined) resolver.setServers(servers)
  const answered = new RecentAnswers()

  return async (hostname) => {
    const pinned = await hostsFile(hostname)
    if (pinned.length > 0) return pinned
    const startedAt = performance.now()
    const answers = await answersOf([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const faults = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [lookupErrorFrom(answer.reason)] : [],
    )
    const works =
      faults.length < answers.length || faults.some((fault) => fault.code === 'dns_not_found')
    if (works) answered.note(hostname)

    const addresses = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? answer.value : [],
    )
    if (addresses.length > 0) return addresses
    const failed = faults.find((fault) => fault.code === 'dns_failed')
    if (failed === undefined) throw new LookupError('dns_not_found', 'no such host', 'receiver')
    // Silence says something about this name only if another one was answered meanwhile.
    const since = failed.isSilence ? startedAt : startedAt - worksForMs
    if (!answered.isOther(hostname, since)) throw failed
    throw new LookupError('dns_failed', `${failed.message}, though others are answered`, 'network')
  }
}

/** RFC 8305 section 3: how long addresses of one family wait for those of the other. */
const resolutionDelayMs = 50

/** All answers; or, where one has brought addresses, those that came soon after it. */
async function answersOf(
  queries: readonly Promise<string[]>[],
): Promise<PromiseSettledResult<string[]>[]> {
  const answers = new Map<number, PromiseSettledResult<string[]>>()
  const noted = queries.map((query, index) =>
    query.then(
      (value) => void answers.set(index, { status: 'fulfilled', value }),
      (reason) => void answers.set(index, { status: 'rejected', reason }),
    ),
  )
  const soonAfterFirst = Promise.any(queries).then(() => sleep(resolutionDelayMs))
  await Promise.race([Promise.all(noted), soonAfterFirst.catch(() => Promise.all(noted))])
  return queries.flatMap((_, index) => answers.get(index) ?? [])
}

/** Of the two names that were answered last, when that was. */
class RecentAnswers {
  readonly #at = new Map<string, number>()

  note(hostname: string): void {
    this.#at.delete(hostname)
    this.#at.set(hostname, performance.now())
    const [oldest] = this.#at.keys()
    if (this.#at.size > 2 && oldest !== undefined) this.#at.delete(oldest)
  }

  /** Whether a name other than this one was answered after an instant. */
  isOther(hostname: string, since: number): boolean {
    return [...this.#at].some(([name, at]) => name !== hostname && at > since)
  }
}

/** Reads what a look-up threw. Only what a code says is taken over, never a foreign message. */
export function lookupErrorFrom(error: unknown): LookupError {
  if (error instanceof LookupError) return error
  const code = errorCode(error)
  if (notFoundCodes.has(code)) {
    return new LookupError('dns_not_found', 'no such host', 'receiver')
  }
  const isSilence = !refusalCodes.has(code)
  const what = isSilence ? 'did not answer' : 'could not tell'
  return new LookupError('dns_failed', `the name server ${what} (${code})`, 'sender', isSilence)
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return 'no code'
  return typeof error.code === 'string' ? error.code.slice(0, 64) : 'no code'
}
