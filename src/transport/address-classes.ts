/**
 * Which addresses are public, and what the others are for.
 *
 * Sources: IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates),
 * the IPv4 and IPv6 multicast and address space registries, and the documents of the clouds for
 * the metadata services. Whole registry entries are refused, including the few small ones that
 * are globally reachable (anycast relays and DNS sinks): no receiver of webhooks lives there.
 */
import ipaddr from 'ipaddr.js'

/** An IPv4 or IPv6 address, parsed. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6

/** A block of addresses in CIDR notation, parsed. */
export type AddressRange = [Address, number]

interface NamedRange {
  range: AddressRange
  /** What the range is for, in an operator's words, with its CIDR. */
  words: string
}

/** From the most special to the most general: the first match names the address. */
const specialIPv4 = namedRanges([
  ['169.254.169.254/32', 'cloud metadata service'],
  ['168.63.129.16/32', 'cloud metadata service'],
  ['100.100.100.200/32', 'cloud metadata service'],
  ['192.0.0.192/32', 'cloud metadata service'],
  ['255.255.255.255/32', 'broadcast'],
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'private network'],
  ['100.64.0.0/10', 'shared address space of carriers'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private network'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112 DNS sink'],
  ['192.52.193.0/24', 'multicast tunnelling'],
  ['192.88.99.0/24', '6to4 relays'],
  ['192.168.0.0/16', 'private network'],
  ['192.175.48.0/24', 'AS112 DNS sink'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
])

const specialIPv6 = namedRanges([
  ['fd00:ec2::254/128', 'cloud metadata service'],
  ['fd00:ec2::23/128', 'cloud metadata service'],
  ['fd20:ce::254/128', 'cloud metadata service'],
  ['fd00:42::42/128', 'cloud metadata service'],
  ['::/128', 'this host'],
  ['::1/128', 'loopback'],
  ['::ffff:0:0/96', 'IPv4-mapped addresses'],
  ['::ffff:0:0:0/96', 'IPv4-translated addresses'],
  ['::/96', 'IPv4-compatible addresses'],
  ['64:ff9b::/96', 'NAT64'],
  ['64:ff9b:1::/48', 'local NAT64'],
  ['100::/64', 'discard only'],
  ['100:0:0:1::/64', 'dummy prefix'],
  ['2001::/32', 'Teredo'],
  ['2001:2::/48', 'benchmarking'],
  ['2001::/23', 'IETF protocol assignments'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'AS112 DNS sink'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'private network'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
])

/** The only part of IPv6 from which IANA has given out addresses (RFC 4291 section 2.4). */
const globalIPv6 = parseRange('2000::/3')

/** IPv6 ranges that carry an IPv4 address, and the byte at which it starts. */
const embeddings: [AddressRange, number][] = [
  [parseRange('::ffff:0:0/96'), 12],
  [parseRange('::ffff:0:0:0/96'), 12],
  [parseRange('::/96'), 12],
  [parseRange('64:ff9b::/96'), 12],
  [parseRange('2002::/16'), 2],
]

const nat64 = parseRange('64:ff9b::/96')

/** Parses an address that `net.isIP` accepts; a zone such as `%eth0` is dropped. */
export function parseAddress(text: string): Address {
  return ipaddr.parse(text.replace(/%.*$/, ''))
}

/** Parses a CIDR whose address part `net.isIP` accepts. */
export function parseRange(cidr: string): AddressRange {
  return ipaddr.parseCIDR(cidr)
}

export function inRange(address: Address, range: AddressRange): boolean {
  return address.kind() === range[0].kind() && address.match(range)
}

/**
 * The IPv4 address inside a mapped, compatible, translated, NAT64, 6to4 or ISATAP address, if it is
 * one.
 */
export function embeddedIPv4(address: Address): Address | null {
  const start = isIsatap(address) ? 12 : embeddings.find(([range]) => inRange(address, range))?.[1]
  if (start === undefined) return null
  return ipaddr.fromByteArray(address.toByteArray().slice(start, start + 4))
}

/**
 * Whether the last 64 bits begin with 0000:5efe or 0200:5efe (RFC 5214 section 6.1). A host on such
 * a network sends what is meant for the address to the IPv4 address at its end.
 */
function isIsatap(address: Address): boolean {
  const [first = 1, ...marker] = address.toByteArray().slice(8, 12)
  return (first & 0xfd) === 0 && marker.join() === '0,94,254'
}

/** Whether DNS64 makes such addresses for names that have only IPv4 (RFC 6052 section 2.1). */
export function isNat64(address: Address): boolean {
  return inRange(address, nat64)
}

/**
 * What a special-purpose address is for, such as `private network (10.0.0.0/8)`; `null` for a
 * public one.
 */
export function specialPurpose(address: Address): string | null {
  const special = address.kind() === 'ipv4' ? specialIPv4 : specialIPv6
  const found = special.find(({ range }) => inRange(address, range))
  if (found !== undefined) return found.words
  if (address.kind() === 'ipv4' || inRange(address, globalIPv6)) return null
  return 'unallocated address space (outside 2000::/3)'
}

function namedRanges(table: [cidr: string, purpose: string][]): NamedRange[] {
  return table.map(([cidr, purpose]) => ({
    range: parseRange(cidr),
    words: `${purpose} (${cidr.replace(/(?<=\.\d+)\/32$|\/128$/, '')})`,
  }))
}
