import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { Batcher } from '../../src/core/batcher.ts'
import { WebhooksError } from '../../src/errors.ts'
import { systemClock } from '../../src/system.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

/** A batcher whose writes end when the test says so. */
function createBatcher({ maxBatch = 3, writers = 1 } = {}) {
  const clock = new VirtualClock(new Date(0))
  const writes: { items: number[]; end: (error?: Error) => Promise<void> }[] = []
  const batcher = new Batcher<number, string>({
    clock,
    maxBatch,
    writers,
    write: (items) =>
      new Promise((resolve, reject) => {
        writes.push({
          items,
          end: (error) => {
            if (error) reject(error)
            else resolve(items.map((item) => `written ${item}`))
            return clock.settle()
          },
        })
      }),
  })
  return { batcher, writes, clock }
}

describe('a batcher', () => {
  test('writes one batch at a time; what comes meanwhile travels in the next', async () => {
    const { batcher, writes, clock } = createBatcher()
    const first = batcher.add(1)
    await clock.settle()
    const rest = [2, 3, 4, 5].map((item) => batcher.add(item))
    await clock.settle()
    expect(writes.map(({ items }) => items)).toEqual([[1]])
    await writes[0]?.end()
    expect(await first).toBe('written 1')
    expect(writes.map(({ items }) => items)).toEqual([[1], [2, 3, 4]])
    await writes[1]?.end()
    await writes[2]?.end()
    expect(await Promise.all(rest)).toEqual([2, 3, 4, 5].map((item) => `written ${item}`))
  })

  describe('of which the storage refuses one item', () => {
    const refused = new WebhooksError('storage_failed', 'not this one')
    const kinds = (outcomes: PromiseSettledResult<string>[]) =>
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : 'refused'))

    test('writes the others one by one', async () => {
      const { batcher, writes, clock } = createBatcher()
      const all = Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
      await clock.settle()
      await writes[0]?.end(refused)
      await writes[1]?.end(refused)
      await writes[2]?.end()
      await writes[3]?.end()
      expect(writes.map(({ items }) => items)).toEqual([[1, 2, 3], [1], [2], [3]])
      expect(kinds(await all)).toEqual(['refused', 'written 2', 'written 3'])
    })

    test('gives up where the first two are refused: it refuses everything', async () => {
      const { batcher, writes, clock } = createBatcher()
      const all = Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
      await clock.settle()
      for (const write of [0, 1, 2]) await writes[write]?.end(refused)
      expect(writes).toHaveLength(3)
      expect(kinds(await all)).toEqual(['refused', 'refused', 'refused'])
    })

    test('does not try where it cannot be reached', async () => {
      const { batcher, writes, clock } = createBatcher()
      const all = Promise.allSettled([1, 2].map((item) => batcher.add(item)))
      await clock.settle()
      await writes[0]?.end(new WebhooksError('storage_unreachable', 'away'))
      expect(writes).toHaveLength(1)
      expect(kinds(await all)).toEqual(['refused', 'refused'])
    })
  })

  test('of two writers writes two batches at once, and is idle after both', async () => {
    const { batcher, writes, clock } = createBatcher({ writers: 2 })
    const all = [1, 2, 3, 4, 5, 6, 7].map((item) => batcher.add(item))
    await clock.settle()
    expect(writes.map(({ items }) => items)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    let isIdle = false
    void batcher.idle().then(() => {
      isIdle = true
    })
    await writes[1]?.end()
    expect(writes.at(-1)?.items).toEqual([7])
    await writes[2]?.end()
    expect(isIdle).toBe(false)
    await writes[0]?.end()
    expect(isIdle).toBe(true)
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5, 6, 7].map((item) => `written ${item}`))
  })

  test('fails the callers of a failed batch and goes on', async () => {
    const { batcher, writes, clock } = createBatcher()
    const failed = [1, 2].map((item) => batcher.add(item))
    await clock.settle()
    const fine = batcher.add(3)
    const outcomes = Promise.allSettled(failed)
    await writes[0]?.end(new Error('disk full'))
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await writes[1]?.end()
    expect(await fine).toBe('written 3')
  })

  test('is idle once everything is written', async () => {
    const { batcher, writes, clock } = createBatcher()
    await batcher.idle()
    void batcher.add(1)
    let idle = false
    void batcher.idle().then(() => {
      idle = true
    })
    await clock.settle()
    expect(idle).toBe(false)
    await writes[0]?.end()
    expect(idle).toBe(true)
  })

  test('writes in nobody’s asynchronous context, and still answers in that of each', async () => {
    const request = new AsyncLocalStorage<string>()
    const writtenIn: unknown[] = []
    const batcher = new Batcher<number, number>({
      clock: systemClock,
      maxBatch: 1,
      turns: 2,
      async write(items) {
        writtenIn.push(request.getStore())
        return items
      },
    })
    const answeredIn = (name: string) =>
      request.run(name, async () => {
        await batcher.add(1)
        return request.getStore()
      })
    expect(await Promise.all([answeredIn('a'), answeredIn('b')])).toEqual(['a', 'b'])
    expect(await answeredIn('c')).toBe('c')
    expect(writtenIn).toEqual([undefined, undefined, undefined])
  })
})
