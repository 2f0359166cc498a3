import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIdSource } from '../../src/core/ids.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

/** Ids made at these instants, one per entry. */
function idsAt(instants: number[], seed = 1): string[] {
  let now = 0
  const clock = { now: () => new Date(now), setTimer: () => () => {} }
  const ids = createIdSource({ clock, random: seededRandom(seed) })
  return instants.map((instant) => {
    now = instant
    return ids('evt')
  })
}

describe('ids', () => {
  test('are URL-safe and hold no dot', () => {
    expect(idsAt([1_700_000_000_000])[0]).toMatch(/^evt_[0-9a-z]{26}$/)
  })

  test('keep the order in which they were made, whatever the clock does', () => {
    const instants = fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { minLength: 2, maxLength: 50 })
    fc.assert(
      fc.property(instants, fc.integer(), (moments, seed) => {
        const ids = idsAt(moments, seed)
        expect([...ids].sort()).toEqual(ids)
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  test('keep their order through 100,000 of one millisecond', () => {
    const ids = idsAt(new Array(100_000).fill(1_700_000_000_000))
    expect(new Set(ids).size).toBe(ids.length)
    expect([...ids].sort()).toEqual(ids)
  })

  test('of two processes never meet in one millisecond', () => {
    const here = idsAt(new Array(1_000).fill(5), 1)
    const there = new Set(idsAt(new Array(1_000).fill(5), 2))
    expect(here.some((id) => there.has(id))).toBe(false)
  })
})
