import { describe, expect, test } from 'vitest'
import { createWebhooks, isWebhooksError, memoryStorage } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

function createTwoOnOneStorage(limits: { stopGraceMs?: number } = {}) {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const network = new TestReceivers(clock)
  const options = { events, clock, transport: network, storage: memoryStorage(), limits }
  return {
    clock,
    shop: network.receiver(url),
    first: createWebhooks({ ...options, random: seededRandom(1) }),
    second: createWebhooks({ ...options, random: seededRandom(2) }),
  }
}

describe('stop', () => {
  test('waits for attempts under way and records them', async () => {
    const { clock, shop, first, second } = createTwoOnOneStorage()
    shop.answer({ status: 200, afterMs: 20_000 })
    await first.start()
    await first.endpoints.create({ url, events: ['*'] })
    await first.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    const stopped = first.stop()
    await clock.advance(20_000)
    await stopped
    expect((await second.deliveries.list()).items[0]).toMatchObject({
      status: 'succeeded',
      attempts: 1,
    })
  })

  test('hands back what does not end in time, without counting an attempt', async () => {
    const { clock, shop, first, second } = createTwoOnOneStorage({ stopGraceMs: 1_000 })
    shop.answer('timeout')
    await first.start()
    await first.endpoints.create({ url, events: ['*'] })
    await first.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    const stopped = first.stop()
    await clock.advance(1_000)
    await stopped
    const [delivery] = (await second.deliveries.list()).items
    expect(delivery).toMatchObject({ status: 'pending', attempts: 0 })
    expect(await second.deliveries.attempts(delivery?.id ?? '')).toEqual([])

    await second.start()
    await clock.settle()
    expect((await second.deliveries.list()).items[0]).toMatchObject({ status: 'succeeded' })
  })

  test('stores what was emitted in the same breath', async () => {
    const { first, second } = createTwoOnOneStorage()
    const emitted = [1, 2, 3].map((n) => first.emit('order.paid', { orderId: `o${n}` }))
    await first.stop()
    await Promise.all(emitted)
    expect((await second.events.list()).total).toBe(3)
  })

  test('ends what still waits for the storage with an error that says so', async () => {
    const storage = memoryStorage()
    const { prune } = storage
    let isClosed = false
    storage.close = async () => {
      isClosed = true
    }
    storage.prune = async (params) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (isClosed) throw new Error('database is not open')
      return prune(params)
    }
    const { webhooks } = createTestWebhooks({ events, storage })
    const pruned = webhooks.prune({ before: new Date() })
    const refused = expect(pruned).rejects.toMatchObject({ code: 'stopped' })
    await webhooks.stop()
    await refused
  })

  test('makes every later call an error that says so', async () => {
    const { webhooks } = createTestWebhooks({ events })
    await webhooks.stop()
    const calls = [
      () => webhooks.emit('order.paid', { orderId: 'o1' }),
      () => webhooks.emitMany([{ type: 'order.paid', data: { orderId: 'o1' } }]),
      () => webhooks.start(),
      () => webhooks.drain({ deadline: new Date() }),
      () => webhooks.endpoints.list(),
      () => webhooks.deliveries.list(),
      () => webhooks.stats(),
      () => webhooks.prune({ before: new Date() }),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toSatisfy((error) => isWebhooksError(error, 'stopped'))
    }
  })

  test('may be called twice', async () => {
    const { webhooks } = createTestWebhooks({ events })
    await Promise.all([webhooks.stop(), webhooks.stop()])
  })
})

describe('drain', () => {
  test('does what is due and tells when to come again', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    shop.answer(200, 500)
    await first.endpoints.create({ url, events: ['*'] })
    await first.emit('order.paid', { orderId: 'o1' })
    await first.emit('order.paid', { orderId: 'o2' })
    const deadline = new Date(clock.now().getTime() + 10_000)
    const drained = first.drain({ deadline })
    await clock.settle()
    const result = await drained
    expect(result.drained).toBe(true)
    expect(shop.requests).toHaveLength(2)
    const waitMs = (result.nextDueAt?.getTime() ?? 0) - clock.now().getTime()
    expect(waitMs).toBeGreaterThanOrEqual(5_000)
    expect(waitMs).toBeLessThanOrEqual(6_001)
  })

  test('returns before its deadline and hands back what hangs', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    shop.answer('timeout')
    await first.endpoints.create({ url, events: ['*'] })
    await first.emit('order.paid', { orderId: 'o1' })
    let returnedAt: Date | null = null
    const deadline = new Date(clock.now().getTime() + 5_000)
    const drained = first.drain({ deadline }).then((result) => {
      returnedAt = clock.now()
      return result
    })
    await clock.advance(6_000)
    expect(await drained).toMatchObject({ drained: false })
    expect(Number(returnedAt)).toBeLessThanOrEqual(deadline.getTime())
    const [delivery] = (await first.deliveries.list()).items
    expect(delivery).toMatchObject({ status: 'pending', attempts: 0 })
    expect(Number(delivery?.nextAttemptAt)).toBeLessThanOrEqual(deadline.getTime())
  })

  test('can be called again and again', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    await first.endpoints.create({ url, events: ['*'] })
    for (const n of [1, 2, 3]) {
      await first.emit('order.paid', { orderId: `o${n}` })
      const drained = first.drain({ deadline: new Date(clock.now().getTime() + 1_000) })
      await clock.settle()
      await drained
      expect(shop.requests).toHaveLength(n)
    }
  })

  test('waits for the one before it, and finds nothing left', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    await first.endpoints.create({ url, events: ['*'] })
    for (let n = 0; n < 20; n++) await first.emit('order.paid', { orderId: `o${n}` })
    const deadline = new Date(clock.now().getTime() + 5_000)
    const both = Promise.all([first.drain({ deadline }), first.drain({ deadline })])
    await clock.settle()
    expect(await both).toEqual([
      { drained: true, nextDueAt: null },
      { drained: true, nextDueAt: null },
    ])
    expect(shop.requests).toHaveLength(20)
  })

  test('returns by its own deadline although the one before it goes on', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    shop.answer('timeout')
    await first.endpoints.create({ url, events: ['*'] })
    await first.emit('order.paid', { orderId: 'o1' })
    const now = clock.now().getTime()
    const long = first.drain({ deadline: new Date(now + 20_000) })
    let returnedAt = Number.POSITIVE_INFINITY
    const short = first.drain({ deadline: new Date(now + 2_000) }).then((result) => {
      returnedAt = clock.now().getTime()
      return result
    })
    await clock.advance(3_000)
    expect(returnedAt).toBeLessThanOrEqual(now + 2_000)
    expect(await short).toMatchObject({ drained: false })
    await clock.advance(20_000)
    expect(await long).toMatchObject({ drained: false })
    // The short one has not aborted what the long one had under way.
    expect(shop.requests).toHaveLength(1)
  })

  test('is refused once the instance delivers by itself, which it goes on to do', async () => {
    const { clock, shop, first } = createTwoOnOneStorage()
    await first.endpoints.create({ url, events: ['*'] })
    await first.start()
    const deadline = new Date(clock.now().getTime() + 1_000)
    await expect(first.drain({ deadline })).rejects.toSatisfy((error) =>
      isWebhooksError(error, 'conflict'),
    )
    await first.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    expect(shop.requests).toHaveLength(1)
  })
})

describe('a stop while the instance starts', () => {
  test('ends the start, and nothing is asked of the storage afterwards', async () => {
    const { clock, first } = createTwoOnOneStorage()
    const failed: unknown[] = []
    first.on('storage.failed', (notification) => failed.push(notification))
    const starting = first.start().catch((error: unknown) => error)
    await first.stop()
    expect(isWebhooksError(await starting, 'stopped')).toBe(true)
    await clock.advance(60_000)
    expect(failed).toEqual([])
  })
})
