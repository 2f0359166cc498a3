import { describe, expect, test } from 'vitest'
import type { IdempotencyStore } from '../../src/receiver/index.ts'

const leaseMs = 60_000
const keepMs = 60_000

/** The contract of {@link IdempotencyStore}, sentence by sentence. A lease of 0 ms has ended. */
export function testIdempotencyStore(name: string, create: () => IdempotencyStore): void {
  let count = 0
  const newId = () => `msg_${++count}`

  describe(name, () => {
    test('of claims at the same moment one gets the event', async () => {
      const store = create()
      const id = newId()
      const tokens = ['a', 'b', 'c', 'd', 'e', 'f']
      const outcomes = await Promise.all(tokens.map((token) => store.claim({ id, token, leaseMs })))
      expect(outcomes.toSorted()).toEqual([...Array(5).fill('busy'), 'claimed'])
    })

    test('what is released is free, and other ids never were taken', async () => {
      const store = create()
      const id = newId()
      await store.claim({ id, token: 'a', leaseMs })
      expect(await store.claim({ id: newId(), token: 'b', leaseMs })).toBe('claimed')
      await store.release({ id, token: 'a' })
      expect(await store.claim({ id, token: 'c', leaseMs })).toBe('claimed')
    })

    test('a claim whose lease has ended is free, and its token releases nothing any more', async () => {
      const store = create()
      const id = newId()
      await store.claim({ id, token: 'a', leaseMs: 0 })
      expect(await store.claim({ id, token: 'b', leaseMs })).toBe('claimed')
      await store.release({ id, token: 'a' })
      expect(await store.claim({ id, token: 'c', leaseMs })).toBe('busy')
    })

    test('what is done stays done, whoever noted it and whoever gives it back', async () => {
      const store = create()
      const id = newId()
      await store.claim({ id, token: 'a', leaseMs: 0 })
      await store.claim({ id, token: 'b', leaseMs })
      await store.done({ id, token: 'a', keepMs })
      await store.release({ id, token: 'b' })
      await store.release({ id, token: 'a' })
      expect(await store.claim({ id, token: 'c', leaseMs })).toBe('done')
    })

    test('what was done is forgotten after its time', async () => {
      const store = create()
      const id = newId()
      await store.claim({ id, token: 'a', leaseMs })
      await store.done({ id, token: 'a', keepMs: 0 })
      expect(await store.claim({ id, token: 'b', leaseMs })).toBe('claimed')
    })
  })
}
