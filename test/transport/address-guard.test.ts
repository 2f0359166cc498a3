import net from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type AddressGuardOptions, createAddressGuard } from '../../src/transport/address-guard.ts'
import { httpTransport } from '../../src/transport/http.ts'
import ssrfCases from '../cases/ssrf.json' with { type: 'json' }

interface SsrfCase {
  id: string
  url: string
  expect: 'allow' | 'block'
  layer: string
  why: string
  dns?: Record<string, string[]>
  /** Answers given one after the other; the last one again and again. */
  dnsSequence?: Record<string, string[][]>
  dnsError?: string
}

const cases = ssrfCases as unknown as SsrfCase[]

/** A name server that knows what a case says, and counts on nothing else. */
function lookupOf({ dns = {}, dnsSequence = {}, dnsError }: SsrfCase) {
  const asked = new Map<string, number>()
  return async (hostname: string): Promise<string[]> => {
    if (dnsError !== undefined) throw Object.assign(new Error(dnsError), { code: dnsError })
    const answer = dns[hostname] ?? dns[`${hostname}.`]
    if (answer !== undefined) return answer
    const sequence = dnsSequence[hostname] ?? []
    const turn = asked.get(hostname) ?? 0
    asked.set(hostname, turn + 1)
    const next = sequence[Math.min(turn, sequence.length - 1)]
    if (next === undefined) throw Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' })
    return next
  }
}

function check(url: string, options: AddressGuardOptions = {}) {
  return createAddressGuard(options).check(url)
}

/** Resolves every name to these addresses. */
function to(...addresses: string[]) {
  return async () => addresses
}

describe('the collected cases, at registration', () => {
  // A redirect is not there yet, and a name that is rebound later leads somewhere public now.
  const later = new Set(['redirect'])
  const known = cases.filter(
    ({ layer, dnsSequence }) => !later.has(layer) && dnsSequence === undefined,
  )

  test.each(known)('$id $url: $expect, $why', async (one) => {
    const verdict = await check(one.url, { lookup: lookupOf(one) })
    expect(verdict.allowed).toBe(one.expect === 'allow')
    if (verdict.allowed) {
      expect(verdict.reason).toBeNull()
      expect(verdict.addresses.length).toBeGreaterThan(0)
    } else {
      expect(verdict.reason).toMatch(/\w/)
      expect(verdict.addresses).toEqual([])
    }
  })

  test.each(cases.filter(({ layer }) => later.has(layer)))(
    '$id $url leads somewhere public as long as it does not redirect',
    async (one) => {
      expect(await check(one.url, { lookup: lookupOf(one) })).toMatchObject({ allowed: true })
    },
  )
})

describe('the collected cases, at connect', () => {
  const dialled: string[] = []

  beforeEach(() => {
    dialled.length = 0
    // No connection leaves this machine; what would be dialled is on record.
    vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (
      this: net.Socket,
      ...[target]: unknown[]
    ) {
      // net.connect hands over what it made of its arguments: [options, callback].
      const options = (Array.isArray(target) ? target[0] : target) as net.TcpNetConnectOpts
      dialled.push(String(options.host))
      setImmediate(() => this.destroy(Object.assign(new Error('test'), { code: 'ECONNREFUSED' })))
      return this
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  async function send(one: SsrfCase, times: number) {
    const transport = httpTransport({ addressGuard: { lookup: lookupOf(one) } })
    const results = []
    for (let i = 0; i < times; i++) {
      results.push(
        await transport.send({
          url: one.url,
          headers: {},
          body: '{}',
          timeoutMs: 5_000,
          connectTimeoutMs: 5_000,
          maxResponseBytes: 16_384,
          signal: new AbortController().signal,
        }),
      )
    }
    await transport.close()
    return results
  }

  const known = cases.filter(({ layer, dnsSequence }) => layer !== 'redirect' && !dnsSequence)

  test.each(known)('$id $url: $expect', async (one) => {
    const [result] = await send(one, 1)
    expect(result?.response).toBeNull()
    if (one.expect === 'allow') {
      expect(result?.error?.code).toBe('connection_refused')
      const answers = Object.values(one.dns ?? {}).flat()
      const literal = new URL(one.url).hostname.replace(/^\[|\]$/g, '')
      for (const address of dialled) {
        expect(answers.length > 0 ? answers : [literal]).toContain(address)
      }
      expect(dialled.length).toBeGreaterThan(0)
    } else {
      expect(['address_refused', 'dns_not_found']).toContain(result?.error?.code)
      expect(dialled).toEqual([])
    }
  })

  test.each(cases.filter(({ dnsSequence }) => dnsSequence))(
    '$id $url: a name that is rebound is dialled only where it is public',
    async (one) => {
      await send(one, 5)
      const answers = Object.values(one.dnsSequence ?? {}).flat(2)
      expect(answers.length).toBeGreaterThan(0)
      for (const address of dialled) {
        expect((await check(`http://${address}/`)).allowed).toBe(true)
      }
    },
  )

  test('a mixed answer is refused whole, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(['93.184.215.14', '1.1.1.1', '2606:4700:4700::1111'], { minLength: 1 }),
        fc.constantFrom('10.0.0.1', '127.0.0.1', '::1', '::ffff:10.0.0.1', '64:ff9b::a00:1'),
        fc.nat(3),
        async (good, bad, place) => {
          const answer = [...good]
          answer.splice(place, 0, bad)
          const one = { url: 'http://mixed.test/', dns: { 'mixed.test': answer } } as never
          const [result] = await send(one, 1)
          expect(result?.error?.code).toBe('address_refused')
          expect(dialled).toEqual([])
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('an address', () => {
  const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  const blocked = fc.constantFrom(
    [127, 0, 0, 1],
    [10, 1, 2, 3],
    [169, 254, 169, 254],
    [192, 168, 0, 1],
    [172, 31, 255, 255],
    [100, 64, 0, 1],
    [0, 0, 0, 0],
    [255, 255, 255, 255],
  )

  /** One number of an IPv4 address in decimal, octal or hexadecimal, perhaps with leading zeros. */
  const spellNumber = (value: number) =>
    fc.constantFrom(
      String(value),
      `0${value.toString(8)}`,
      `000${value.toString(8)}`,
      `0x${value.toString(16)}`,
      `0X00${value.toString(16).toUpperCase()}`,
    )

  /** Every way in which a URL may write an IPv4 address. */
  const spellings = (octets: readonly number[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets
    const whole = ((a * 256 + b) * 256 + c) * 256 + d
    return fc
      .constantFrom([a, b, c, d], [a, b, c * 256 + d], [a, (b * 256 + c) * 256 + d], [whole])
      .chain((parts) => fc.tuple(...parts.map(spellNumber)))
      .map((parts) => parts.join('.'))
      .chain((text) =>
        fc.constantFrom(
          text,
          `${text}.`,
          [...text]
            .map((char) =>
              /\d/.test(char) ? String.fromCodePoint(0xfee0 + char.charCodeAt(0)) : char,
            )
            .join(''),
          [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join(''),
          text.replaceAll('.', '\u3002'),
        ),
      )
  }

  test('is refused in every spelling of IPv4', async () => {
    await fc.assert(
      fc.asyncProperty(
        blocked.chain((octets) => spellings(octets).map((host) => [octets.join('.'), host])),
        async ([address, host]) => {
          // A spelling that the URL parser does not take as this address would test nothing.
          expect(new URL(`http://${host}/`).hostname).toBe(address)
          expect((await check(`http://${host}/`)).allowed).toBe(false)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('is judged alike in every spelling of IPv6', async () => {
    const groups = fc.tuple(...Array.from({ length: 8 }, () => fc.nat(0xffff)))
    const prefix = fc.constantFrom(
      [0xfd00, 1],
      [0xfe80, 0],
      [0x2001, 0xdb8],
      [0x2606, 0x4700],
      [0x2a00, 0x1450],
      [0, 0],
    )
    await fc.assert(
      fc.asyncProperty(groups, prefix, async (tail, [first, second]) => {
        const parts = [first, second, ...tail.slice(2)].map((part) => part ?? 0)
        const padded = parts
          .map((part) => part.toString(16).padStart(4, '0').toUpperCase())
          .join(':')
        const dotted = `${parts
          .slice(0, 6)
          .map((part) => part.toString(16))
          .join(':')}:${parts
          .slice(6)
          .flatMap((part) => [part >> 8, part & 255])
          .join('.')}`
        const plain = await check(`http://[${parts.map((part) => part.toString(16)).join(':')}]/`)
        expect((await check(`http://[${padded}]/`)).allowed).toBe(plain.allowed)
        expect((await check(`http://[${dotted}]/`)).allowed).toBe(plain.allowed)
        expect(plain.allowed).toBe(first === 0x2606 || first === 0x2a00)
      }),
      { numRuns: 300 },
    )
  })

  test('at the end of an ISATAP address counts', async () => {
    const guard = createAddressGuard()
    for (const [url, allowed] of [
      ['http://[2606:4700::5efe:127.0.0.1]/', false],
      ['http://[2606:4700::200:5efe:10.0.0.1]/', false],
      ['http://[2606:4700::200:5efe:93.184.215.14]/', true],
      ['http://[2606:4700::100:5efe:10.0.0.1]/', true],
      ['http://[2606:4700::1:5efe:10.0.0.1]/', true],
    ] as const) {
      expect([url, (await guard.check(url)).allowed]).toEqual([url, allowed])
    }
  })

  test('inside an IPv6 address makes no private one reachable', async () => {
    await fc.assert(
      fc.asyncProperty(ipv4, async (octets) => {
        const [a, b, c, d] = octets
        const high = (a * 256 + b).toString(16)
        const low = (c * 256 + d).toString(16)
        for (const host of [
          `::ffff:${high}:${low}`,
          `::${high}:${low}`,
          `::ffff:0:${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `64:ff9b:1::${high}:${low}`,
          `2002:${high}:${low}::1`,
          `2001:0:${high}:${low}::1`,
          `fe80::5efe:${high}:${low}`,
        ]) {
          expect((await check(`http://[${host}]/`)).allowed).toBe(false)
        }
        // What DNS64 answers counts as the address inside.
        const name = await check('http://name.test/', { lookup: to(`64:ff9b::${high}:${low}`) })
        const inside = await check(`http://${octets.join('.')}/`)
        expect(name.allowed).toBe(inside.allowed)
      }),
      { numRuns: 300 },
    )
  })

  /** First and last of each range, with the reason's words; null where the neighbours are public. */
  const ranges: [first: string, last: string, words: string][] = [
    ['0.0.0.0', '0.255.255.255', 'this host (0.0.0.0/8)'],
    ['10.0.0.0', '10.255.255.255', 'private network (10.0.0.0/8)'],
    ['100.64.0.0', '100.127.255.255', 'shared address space of carriers (100.64.0.0/10)'],
    ['127.0.0.0', '127.255.255.255', 'loopback (127.0.0.0/8)'],
    ['169.254.0.0', '169.254.255.255', 'link-local (169.254.0.0/16)'],
    ['172.16.0.0', '172.31.255.255', 'private network (172.16.0.0/12)'],
    ['192.0.0.0', '192.0.0.255', 'IETF protocol assignments (192.0.0.0/24)'],
    ['192.0.2.0', '192.0.2.255', 'documentation (192.0.2.0/24)'],
    ['192.31.196.0', '192.31.196.255', 'AS112 DNS sink (192.31.196.0/24)'],
    ['192.52.193.0', '192.52.193.255', 'multicast tunnelling (192.52.193.0/24)'],
    ['192.88.99.0', '192.88.99.255', '6to4 relays (192.88.99.0/24)'],
    ['192.168.0.0', '192.168.255.255', 'private network (192.168.0.0/16)'],
    ['192.175.48.0', '192.175.48.255', 'AS112 DNS sink (192.175.48.0/24)'],
    ['198.18.0.0', '198.19.255.255', 'benchmarking (198.18.0.0/15)'],
    ['198.51.100.0', '198.51.100.255', 'documentation (198.51.100.0/24)'],
    ['203.0.113.0', '203.0.113.255', 'documentation (203.0.113.0/24)'],
    ['224.0.0.0', '239.255.255.255', 'multicast (224.0.0.0/4)'],
    ['240.0.0.0', '255.255.255.254', 'reserved (240.0.0.0/4)'],
    ['255.255.255.255', '255.255.255.255', 'broadcast (255.255.255.255)'],
    ['168.63.129.16', '168.63.129.16', 'cloud metadata service (168.63.129.16)'],
    ['169.254.169.254', '169.254.169.254', 'cloud metadata service (169.254.169.254)'],
    ['[::]', '[::]', 'this host (::)'],
    ['[::1]', '[::1]', 'loopback (::1)'],
    ['[::2]', '[::ffff:ffff]', 'IPv4-compatible addresses (::/96)'],
    ['[64:ff9b::]', '[64:ff9b::ffff:ffff]', 'NAT64 (64:ff9b::/96)'],
    ['[100::]', '[100::ffff:ffff:ffff:ffff]', 'discard only (100::/64)'],
    ['[2001::]', '[2001:0:ffff:ffff:ffff:ffff:ffff:ffff]', 'Teredo (2001::/32)'],
    ['[2001:1::]', '[2001:1ff:ffff::]', 'IETF protocol assignments (2001::/23)'],
    ['[2001:db8::]', '[2001:db8:ffff::]', 'documentation (2001:db8::/32)'],
    ['[2002::]', '[2002:ffff::]', '6to4 (2002::/16)'],
    ['[2620:4f:8000::]', '[2620:4f:8000:ffff::]', 'AS112 DNS sink (2620:4f:8000::/48)'],
    ['[3fff::]', '[3fff:fff:ffff::]', 'documentation (3fff::/20)'],
    ['[4000::]', '[5eff::]', 'unallocated address space (outside 2000::/3)'],
    ['[5f00::]', '[5f00:ffff::]', 'segment routing (5f00::/16)'],
    ['[fc00::]', '[fdff:ffff::]', 'private network (fc00::/7)'],
    ['[fe80::]', '[febf::]', 'link-local (fe80::/10)'],
    ['[fec0::]', '[feff::]', 'site-local (fec0::/10)'],
    ['[ff00::]', '[ffff:ffff::]', 'multicast (ff00::/8)'],
  ]

  test.each(ranges)('%s to %s: %s', async (first, last, words) => {
    for (const host of [first, last]) {
      const { allowed, reason } = await check(`http://${host}/`)
      expect(allowed).toBe(false)
      expect(reason).toContain(`is not public: ${words}`)
    }
  })

  test.each([
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '191.255.255.255',
    '192.0.1.0',
    '192.0.3.0',
    '192.31.195.255',
    '192.31.197.0',
    '192.88.98.255',
    '192.88.100.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '198.51.99.255',
    '198.51.101.0',
    '203.0.112.255',
    '203.0.114.0',
    '223.255.255.255',
    '168.63.129.15',
    '168.63.129.17',
    '[2000::]',
    '[2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff]',
    '[2001:200::]',
    '[2001:db7:ffff::]',
    '[2001:db9::]',
    '[2001:ffff::]',
    '[2003::]',
    '[2620:4f:7fff:ffff::]',
    '[2620:4f:8001::]',
    '[3ffe:ffff::]',
    '[3fff:1000::]',
    '[3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]',
  ])('%s is public', async (host) => {
    expect(await check(`http://${host}/`)).toMatchObject({ allowed: true, reason: null })
  })
})

describe('exceptions', () => {
  const lookup = async (hostname: string) =>
    ({
      'inside.example.com': ['10.20.1.2'],
      'other.example.com': ['10.21.1.2'],
      'both.example.com': ['10.20.1.2', '10.21.1.2'],
      'six.example.com': ['fd00::1'],
      'other.example.com.evil.test': ['10.21.1.2'],
      redis: ['10.20.0.7'],
      mixed: ['10.20.0.7', '93.184.215.14'],
    })[hostname] ?? ['93.184.215.14']

  test.each<[string, string[], boolean]>([
    ['http://10.20.1.2/', ['10.20.0.0/16'], true],
    ['http://10.21.1.2/', ['10.20.0.0/16'], false],
    ['http://inside.example.com/', ['10.20.0.0/16'], true],
    ['http://other.example.com/', ['10.20.0.0/16'], false],
    ['http://both.example.com/', ['10.20.0.0/16'], false],
    ['http://both.example.com/', ['10.20.0.0/16', '10.21.1.2'], true],
    ['http://six.example.com/', ['fd00::/8'], true],
    ['http://six.example.com/', ['10.0.0.0/8'], false],
    ['http://redis/', [], false],
    ['http://redis/', ['10.20.0.0/16'], true],
    ['http://redis/', ['10.21.0.0/16'], false],
    ['http://redis/', ['redis'], true],
    ['http://mixed/', ['10.20.0.0/16'], false],
    ['http://public/', ['10.20.0.0/16'], false],
    ['http://other.example.com/', ['other.example.com'], true],
    ['http://OTHER.example.com./', ['Other.Example.com'], true],
    ['http://other.example.com/', ['*.example.com'], true],
    ['http://other.example.com.evil.test/', ['*.example.com'], false],
    ['http://10.20.1.2/', ['*.example.com'], false],
    ['http://localhost/', ['127.0.0.1'], true],
    ['http://localhost/', ['::1'], true],
    ['http://a.localhost/', ['127.0.0.0/8'], true],
    ['http://localhost/', ['localhost'], true],
    ['http://localhost/', ['10.0.0.0/8'], false],
    ['http://127.0.0.1/', ['localhost'], false],
    ['http://[::ffff:10.20.1.2]/', ['10.20.0.0/16'], false],
    ['http://169.254.169.254/', ['10.0.0.0/8', '*.example.com'], false],
  ])('%s with %j: %s', async (url, allow, allowed) => {
    expect((await check(url, { allow, lookup })).allowed).toBe(allowed)
  })

  test('by suffix are not for the name itself, nor for names that end alike', async () => {
    const options = { allow: ['*.example.com'], lookup: to('10.0.0.1') }
    expect((await check('http://example.com/', options)).allowed).toBe(false)
    expect((await check('http://badexample.com/', options)).allowed).toBe(false)
    expect((await check('http://a.b.example.com/', options)).allowed).toBe(true)
  })

  test('localhost leads only where it is allowed to', async () => {
    const { addresses } = await check('http://localhost/', { allow: ['127.0.0.1'] })
    expect(addresses).toEqual(['127.0.0.1'])
  })

  test('denials come first', async () => {
    const options = {
      allow: ['10.0.0.0/8', '*.example.com', '::/0'],
      deny: ['10.20.0.0/16', 'other.example.com', '1.1.1.1', '*.evil.test'],
      lookup,
    }
    expect((await check('http://10.21.0.1/', options)).allowed).toBe(true)
    for (const url of [
      'http://10.20.0.1/',
      'http://inside.example.com/',
      'http://other.example.com/',
      'http://1.1.1.1/',
      'http://[::ffff:1.1.1.1]/',
      'http://[2002:101:101::1]/',
      'http://a.evil.test/',
    ]) {
      expect(await check(url, options)).toMatchObject({ allowed: false })
    }
  })
})

describe('rules on the URL', () => {
  const lookup = to('93.184.215.14')

  test('https alone, by option', async () => {
    expect((await check('http://example.com/', { httpsOnly: true, lookup })).allowed).toBe(false)
    expect((await check('https://example.com/', { httpsOnly: true, lookup })).allowed).toBe(true)
  })

  test('ports, by option', async () => {
    const options = { ports: [443, 8443], lookup }
    expect((await check('https://example.com/', options)).allowed).toBe(true)
    expect((await check('https://example.com:8443/', options)).allowed).toBe(true)
    expect((await check('http://example.com/', options)).allowed).toBe(false)
    expect((await check('https://example.com:444/', options)).allowed).toBe(false)
  })

  test('bad ports are those of the built-in fetch', async () => {
    for (const port of [0, 1, 22, 25, 53, 2049, 6000, 6667, 10_080]) {
      expect((await check(`http://example.com:${port}/`, { lookup })).allowed).toBe(false)
    }
    for (const port of [80, 443, 3000, 8080, 8443, 65_535]) {
      expect((await check(`http://example.com:${port}/`, { lookup })).allowed).toBe(true)
    }
  })

  test('host names of at most 253 bytes', async () => {
    const fits = `${'a'.repeat(49)}.`.repeat(5).concat('com')
    expect(fits).toHaveLength(253)
    expect((await check(`http://${fits}/`, { lookup })).allowed).toBe(true)
    expect((await check(`http://x${fits}/`, { lookup })).allowed).toBe(false)
  })

  test('never rejects, whatever it is given', async () => {
    const guard = createAddressGuard({ lookup: to('93.184.215.14') })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.webUrl(), fc.webAuthority()), async (text) => {
        const verdict = await guard.check(text)
        expect(verdict.allowed).toBe(verdict.reason === null)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a refusal', () => {
  test('shows no address that a name resolved to', async () => {
    const addresses = ['10.31.7.9', '192.168.44.5', 'fd12:3456::77', '169.254.7.8', '100.99.1.1']
    for (const address of addresses) {
      const verdict = await check('https://name.test/', { lookup: to('1.1.1.1', address) })
      expect(verdict.allowed).toBe(false)
      expect(JSON.stringify(verdict)).not.toContain(address)
      expect(JSON.stringify(verdict)).not.toContain('1.1.1.1')
    }
  })

  test('does not tell which names exist on our network', async () => {
    const known = await check('http://redis/', { lookup: to('10.0.0.7') })
    const unknown = await check('http://redis/', { lookup: to() })
    const odd = await check('http://redis/', { lookup: to('93.184.215.14') })
    expect(unknown).toEqual(known)
    expect(odd).toEqual(known)
    const allow = ['10.20.0.0/16']
    expect(await check('http://redis/', { allow, lookup: to('10.0.0.7') })).toEqual(
      await check('http://redis/', { allow, lookup: to() }),
    )
  })

  test.each([
    'hooks.example.com..',
    'x.own.example..',
    '.example.com',
    'a..example.com',
    'redis..',
  ])('refuses %s, which rules would not know for what resolvers make of it', async (host) => {
    const deny = ['hooks.example.com', '*.own.example']
    const { allowed, reason } = await check(`http://${host}/`, {
      deny,
      lookup: to('93.184.215.14'),
    })
    expect({ allowed, reason }).toEqual({
      allowed: false,
      reason: 'its host name has an empty part',
    })
  })

  test('shows no credentials', async () => {
    const { reason } = await check('https://user:secret@example.com/')
    expect(reason).not.toMatch(/secret|user:/)
  })

  test('says what a failed look-up was, without the words of the name server', async () => {
    const lookup = async () => {
      throw Object.assign(new Error('query to 10.1.2.3 failed'), { code: 'ESERVFAIL' })
    }
    const { allowed, reason } = await check('http://name.test/', { lookup })
    expect(allowed).toBe(false)
    expect(reason).toBe('"name.test" was not found: the name server could not tell (ESERVFAIL)')
  })

  test('is an error with a code where an endpoint is registered', async () => {
    const transport = httpTransport({ addressGuard: { lookup: to('10.0.0.1') } })
    await expect(transport.checkUrl('http://name.test/')).rejects.toMatchObject({
      name: 'WebhooksError',
      code: 'address_refused',
      message: expect.stringContaining('private network (10.0.0.0/8)'),
    })
    await expect(transport.checkUrl('ftp://name.test/')).rejects.toMatchObject({
      code: 'invalid_url',
    })
    await expect(transport.checkUrl('nonsense')).rejects.toMatchObject({ code: 'invalid_url' })
    const open = httpTransport({ addressGuard: { lookup: to('93.184.215.14') } })
    await expect(open.checkUrl('http://name.test/')).resolves.toBeUndefined()
  })
})

describe('options', () => {
  test.each([
    { allow: ['10.0.0.0/33'] },
    { allow: ['10.0.0/8'] },
    { allow: ['10'] },
    { allow: ['fd00::/129'] },
    { allow: [''] },
    { allow: ['*'] },
    { allow: ['*.'] },
    { allow: ['a.*.example.com'] },
    { allow: ['http://example.com'] },
    { allow: ['example.com:8080'] },
    { allow: ['example.com/path'] },
    { allow: ['user@example.com'] },
    { allow: ['exa mple.com'] },
    { allow: [7] },
    { allow: '10.0.0.0/8' },
    { deny: ['10.0.0.0/x'] },
    { ports: [] },
    { ports: [0] },
    { ports: [70_000] },
    { ports: ['443'] },
    { ports: 443 },
    { httpsOnly: 'yes' },
    { lookup: 'dns' },
    { allowed: ['10.0.0.0/8'] },
  ])('%j is refused', (options) => {
    expect(() => createAddressGuard(options as AddressGuardOptions)).toThrow(
      expect.objectContaining({ name: 'WebhooksError', code: 'invalid_option' }),
    )
  })
})
