/** Holds the address guard against the oracle. */
import { createAddressGuard } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { edgesOf, type Family, isPublic, isPublicAnswer, textOf } from './oracle.ts'

/** Asks the guard about an address in a URL, and about the same address behind a name. */
function createJudge() {
  let answer = ''
  const guard = createAddressGuard({ lookup: async () => [answer] })

  return async (family: Family, address: bigint): Promise<string[]> => {
    const text = textOf(family, address)
    answer = text
    const literal = await guard.check(family === 4 ? `http://${text}/` : `http://[${text}]/`)
    const named = await guard.check('http://name.test/')
    const wrong: string[] = []
    if (literal.allowed !== isPublic(family, address)) wrong.push(`${text} in a URL`)
    if (named.allowed !== isPublicAnswer(family, address)) wrong.push(`${text} behind a name`)
    return wrong
  }
}

/** On which edges of ranges, and their neighbours, guard and oracle differ. */
export async function disagreementsAtEdges(): Promise<{ asked: number; wrong: string[] }> {
  const judge = createJudge()
  const wrong: string[] = []
  let asked = 0
  for (const family of [4, 6] as const) {
    for (const edge of edgesOf(family)) {
      asked++
      wrong.push(...(await judge(family, edge)))
    }
  }
  return { asked, wrong }
}

/** On which of `count` random addresses guard and oracle differ. */
export async function disagreementsAtRandom(count: number, seed: number): Promise<string[]> {
  const judge = createJudge()
  const random = seededRandom(seed)
  const edges = edgesOf(6)
  const wrong: string[] = []

  function bits(count: number): bigint {
    let value = 0n
    for (let got = 0; got < count; got += 16) {
      value = (value << 16n) | BigInt(Math.floor(random.next() * 65_536))
    }
    return value
  }

  /** Anywhere in IPv6 is mostly nowhere: two thirds lie in 2000::/3, or close to an edge. */
  function ipv6(): bigint {
    const kind = random.next()
    if (kind < 1 / 3) return bits(128)
    if (kind < 2 / 3) return (1n << 125n) | (bits(128) >> 3n)
    const edge = edges[Math.floor(random.next() * edges.length)] ?? 0n
    const free = BigInt(Math.floor(random.next() * 120))
    return ((edge >> free) << free) | (bits(128) & ((1n << free) - 1n))
  }

  for (let asked = 0; asked < count; asked++) {
    wrong.push(...(asked % 2 === 0 ? await judge(4, bits(32)) : await judge(6, ipv6())))
  }
  return wrong
}
