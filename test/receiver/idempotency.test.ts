import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { memoryIdempotency } from '../../src/receiver/index.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const wait = (ms: number) => vi.setSystemTime(Date.now() + ms)
const leaseMs = 100
const keepMs = 1_000

test('is bounded: the oldest that was done makes room, and a claim under way does not', async () => {
  const store = memoryIdempotency({ capacity: 2 })
  const handle = async (id: string) => {
    await store.claim({ id, token: id, leaseMs })
    await store.done({ id, token: id, keepMs })
  }
  await store.claim({ id: 'held', token: 'held', leaseMs })
  for (const id of ['1', '2', '3']) await handle(id)
  const outcome = (id: string) => store.claim({ id, token: 'z', leaseMs })
  expect(await outcome('held')).toBe('busy')
  expect([await outcome('2'), await outcome('3')]).toEqual(['done', 'done'])
  expect(await outcome('1')).toBe('claimed')
  expect(await outcome('4')).toBe('busy')
  wait(leaseMs)
  expect(await outcome('4')).toBe('claimed')
})

test('however claims, ends and time fall together, nobody gets what another holds or what is done', async () => {
  const step = fc.record({
    call: fc.constantFrom('claim', 'done', 'release', 'wait'),
    id: fc.constantFrom('1', '2'),
    holder: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = memoryIdempotency()
      const held = new Map<string, { token: string; until: number }>()
      const done = new Map<string, number>()
      for (const { call, id, holder } of steps) {
        const token = `t${holder}`
        const now = Date.now()
        if (call === 'wait') wait(leaseMs / 2)
        if (call === 'done') {
          await store.done({ id, token, keepMs })
          done.set(id, now + keepMs)
          held.delete(id)
        }
        if (call === 'release') {
          await store.release({ id, token })
          if (held.get(id)?.token === token) held.delete(id)
        }
        if (call !== 'claim') continue
        const expected =
          (done.get(id) ?? 0) > now ? 'done' : (held.get(id)?.until ?? 0) > now ? 'busy' : 'claimed'
        expect(await store.claim({ id, token, leaseMs })).toBe(expected)
        if (expected === 'claimed') held.set(id, { token, until: now + leaseMs })
      }
    }),
  )
})
