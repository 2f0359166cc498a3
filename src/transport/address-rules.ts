/** Lists of exceptions: CIDRs, single addresses, and host names. */
import { isIP } from 'node:net'
import { WebhooksError } from '../errors.ts'
import {
  type Address,
  type AddressRange,
  inRange,
  parseAddress,
  parseRange,
} from './address-classes.ts'

/** A list such as `['10.20.0.0/16', '127.0.0.1', 'hooks.example.com', '*.example.com']`, parsed. */
export interface AddressRules {
  ranges: AddressRange[]
  /** Exact host names, lower case. */
  hosts: Set<string>
  /** `.example.com` for `*.example.com`. */
  suffixes: string[]
}

/** @throws WebhooksError `invalid_option` */
export function parseAddressRules(option: string, entries: readonly string[]): AddressRules {
  if (!Array.isArray(entries)) throw invalidRule(option, 'must be a list')
  const rules: AddressRules = { ranges: [], hosts: new Set(), suffixes: [] }
  for (const entry of entries) {
    if (typeof entry !== 'string') throw invalidRule(option, 'must hold strings only')
    const range = toRange(entry)
    if (range !== null) {
      rules.ranges.push(range)
    } else if (entry.startsWith('*.')) {
      rules.suffixes.push(`.${toHostname(option, entry, entry.slice(2))}`)
    } else {
      rules.hosts.add(toHostname(option, entry, entry))
    }
  }
  return rules
}

export function matchesAddress(rules: AddressRules, address: Address): boolean {
  return rules.ranges.some((range) => inRange(address, range))
}

export function matchesHost(rules: AddressRules, hostname: string): boolean {
  return rules.hosts.has(hostname) || rules.suffixes.some((suffix) => hostname.endsWith(suffix))
}

/** `null` for what is neither an address nor a CIDR, and so must be a host name. */
function toRange(entry: string): AddressRange | null {
  const [address = '', bits] = entry.split('/', 2)
  const family = isIP(address)
  if (family === 0) return null
  const width = family === 4 ? 32 : 128
  if (bits === undefined) return [parseAddress(address), width]
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? parseRange(entry) : null
}

/** Brings a host name into the form that `new URL` gives to the hosts of URLs. */
function toHostname(option: string, entry: string, name: string): string {
  // A name is all there may be: no scheme, port, path, credentials, wildcard or white space.
  const plain = name !== '' && !/[\s/\\:@?#*[\]%]/.test(name)
  const hostname =
    plain && URL.canParse(`http://${name}/`) ? new URL(`http://${name}/`).hostname : ''
  if (hostname === '' || isIP(hostname) !== 0) {
    throw invalidRule(
      option,
      `has the entry ${JSON.stringify(entry)}, which is neither a CIDR (10.20.0.0/16, 127.0.0.1) nor a host name (hooks.example.com, *.example.com)`,
    )
  }
  return hostname.replace(/\.$/, '')
}

function invalidRule(option: string, problem: string): WebhooksError {
  return new WebhooksError('invalid_option', `The address guard's "${option}" ${problem}.`)
}
