/**
 * Which addresses are public, said a second time: from IANA's registries, as first and last
 * addresses in plain numbers, without a word of the code under test.
 */

/** First, last, source. Everything else in IPv4 is public. */
const refusedIPv4: [string, string, string][] = [
  ['0.0.0.0', '0.255.255.255', 'RFC 791, this network'],
  ['10.0.0.0', '10.255.255.255', 'RFC 1918, private use'],
  ['100.64.0.0', '100.127.255.255', 'RFC 6598, shared address space'],
  ['127.0.0.0', '127.255.255.255', 'RFC 1122, loopback'],
  ['168.63.129.16', '168.63.129.16', "Azure's wire server, in public space"],
  ['169.254.0.0', '169.254.255.255', 'RFC 3927, link local'],
  ['172.16.0.0', '172.31.255.255', 'RFC 1918, private use'],
  ['192.0.0.0', '192.0.0.255', 'RFC 6890, IETF protocol assignments'],
  ['192.0.2.0', '192.0.2.255', 'RFC 5737, TEST-NET-1'],
  ['192.31.196.0', '192.31.196.255', 'RFC 7535, AS112'],
  ['192.52.193.0', '192.52.193.255', 'RFC 7450, AMT'],
  ['192.88.99.0', '192.88.99.255', 'RFC 7526, 6to4 relay anycast'],
  ['192.168.0.0', '192.168.255.255', 'RFC 1918, private use'],
  ['192.175.48.0', '192.175.48.255', 'RFC 7534, AS112'],
  ['198.18.0.0', '198.19.255.255', 'RFC 2544, benchmarking'],
  ['198.51.100.0', '198.51.100.255', 'RFC 5737, TEST-NET-2'],
  ['203.0.113.0', '203.0.113.255', 'RFC 5737, TEST-NET-3'],
  ['224.0.0.0', '239.255.255.255', 'RFC 5771, multicast'],
  ['240.0.0.0', '255.255.255.255', 'RFC 1112, reserved; RFC 919, broadcast'],
]

/** First, last, source, in eight groups of four digits. Everything else in IPv6 is public. */
const refusedIPv6: [string, string, string][] = [
  [
    '00000000000000000000000000000000',
    '1fffffffffffffffffffffffffffffff',
    'RFC 4291, below 2000::/3',
  ],
  ['20010000000000000000000000000000', '200101ffffffffffffffffffffffffff', 'RFC 2928, 2001::/23'],
  [
    '20010db8000000000000000000000000',
    '20010db8ffffffffffffffffffffffff',
    'RFC 3849, documentation',
  ],
  ['20020000000000000000000000000000', '2002ffffffffffffffffffffffffffff', 'RFC 3056, 6to4'],
  ['2620004f800000000000000000000000', '2620004f8000ffffffffffffffffffff', 'RFC 7534, AS112'],
  [
    '3fff0000000000000000000000000000',
    '3fff0fffffffffffffffffffffffffff',
    'RFC 9637, documentation',
  ],
  [
    '40000000000000000000000000000000',
    'ffffffffffffffffffffffffffffffff',
    'RFC 4291, above 2000::/3',
  ],
]

/**
 * More places to look at than those where the verdict changes: what the registries list within
 * 0::/3 and above 2000::/3, and the parts of 2001::/23.
 */
const furtherIPv6 = [
  '00000000000000000000000000000001', // RFC 4291, loopback
  '00000000000000000000000100000000', // RFC 4291, end of IPv4-compatible
  '00000000000000000000ffff00000000', // RFC 4291, IPv4-mapped
  '00000000000000000001000000000000',
  '0000000000000000ffff000000000000', // RFC 2765, IPv4-translated
  '0064ff9b000000000000000000000000', // RFC 6052, NAT64
  '0064ff9b000000000000000100000000',
  '0064ff9b000100000000000000000000', // RFC 8215, local NAT64
  '0064ff9b000200000000000000000000',
  '01000000000000000000000000000000', // RFC 6666, discard only
  '01000000000000010000000000000000', // RFC 9780, dummy prefix
  '01000000000000020000000000000000',
  '20010001000000000000000000000000', // RFC 7723 and others, within 2001:1::
  '20010002000000000000000000000000', // RFC 5180, benchmarking
  '20010003000000000000000000000000', // RFC 7450, AMT
  '20010004011200000000000000000000', // RFC 7535, AS112
  '20010010000000000000000000000000', // RFC 4843, ORCHID
  '20010020000000000000000000000000', // RFC 7343, ORCHIDv2
  '20010030000000000000000000000000', // RFC 9374, drone identifiers
  '5f000000000000000000000000000000', // RFC 9602, segment routing
  'fc000000000000000000000000000000', // RFC 4193, unique local
  'fd000ec2000000000000000000000254', // a cloud's metadata service
  'fe800000000000000000000000000000', // RFC 4291, link local
  'fec00000000000000000000000000000', // RFC 3879, site local
  'ff000000000000000000000000000000', // RFC 4291, multicast
]

export type Family = 4 | 6

const last: Record<Family, bigint> = { 4: 2n ** 32n - 1n, 6: 2n ** 128n - 1n }

const refused: Record<Family, [first: bigint, last: bigint][]> = {
  4: refusedIPv4.map(([from, to]) => [fromDotted(from), fromDotted(to)]),
  6: refusedIPv6.map(([from, to]) => [BigInt(`0x${from}`), BigInt(`0x${to}`)]),
}

/** Whether an address written in a URL may be called. The ranges are sorted: bisection. */
export function isPublic(family: Family, address: bigint): boolean {
  const ranges = refused[family]
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    const end = ranges[middle]?.[1] ?? 0n
    if (end < address) low = middle + 1
    else high = middle
  }
  const candidate = ranges[low]
  return candidate === undefined || address < candidate[0]
}

const nat64 = BigInt('0x0064ff9b0000000000000000')

/** Whether a name that leads there may be called: DNS64 hides an IPv4 address in NAT64's prefix. */
export function isPublicAnswer(family: Family, address: bigint): boolean {
  if (family === 6 && address >> 32n === nat64) return isPublic(4, address & last[4])
  return isPublic(family, address)
}

/** First and last of every range, with the address before and the one after it. */
export function edgesOf(family: Family): bigint[] {
  const starts = refused[family].flat()
  const further = family === 6 ? furtherIPv6.map((digits) => BigInt(`0x${digits}`)) : []
  const around = [...starts, ...further].flatMap((edge) => [edge - 1n, edge, edge + 1n])
  return [...new Set(around)].filter((edge) => edge >= 0n && edge <= last[family])
}

/** The plainest spelling: no zeros left out. */
export function textOf(family: Family, address: bigint): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join('.')
  }
  const digits = address.toString(16).padStart(32, '0')
  return (digits.match(/.{4}/g) ?? []).join(':')
}

function fromDotted(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}
