import { describe, expect, test } from 'vitest'
import {
  createWebhooks,
  memoryStorage,
  type Notifications,
  pollingScheduler,
  type Storage,
  type TransportResult,
} from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** An instance whose network and storage fail on command, through no fault of the receiver. */
function createWorld(options: { intervalMs?: number } = {}) {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const network = new TestReceivers(clock)
  const memory = memoryStorage()
  const world = { networkDown: false, storageDown: false }
  const resolverDown: TransportResult = {
    response: null,
    error: { code: 'dns_failed', message: 'the resolver does not answer', origin: 'sender' },
  }
  const storage: Storage = new Proxy(memory, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (params: unknown) => {
        if (world.storageDown) throw new Error('the database is away')
        return value.call(target, params)
      }
    },
  })
  const webhooks = createWebhooks({
    events,
    clock,
    storage,
    random: seededRandom(1),
    scheduler: pollingScheduler(options),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    transport: {
      send: async (request) => (world.networkDown ? resolverDown : network.send(request)),
      checkUrl: async () => {},
      close: async () => {},
    },
  })
  return { clock, world, webhooks, shop: network.receiver(url) }
}

test('a success ends the streak of a failure that was recorded with it', async () => {
  const { clock, webhooks, shop } = createWorld()
  const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
  shop.answer(200, 500, 200)
  for (const orderId of ['o1', 'o2', 'o3']) await webhooks.emit('order.paid', { orderId })
  await webhooks.start()
  await clock.advance(100)
  const { items } = await webhooks.deliveries.list()
  expect(items.map(({ status }) => status).sort()).toEqual(['pending', 'succeeded', 'succeeded'])
  expect(await webhooks.endpoints.get(id)).toMatchObject({ failedAttempts: 0, failingSince: null })
})

describe('a fault of our own', () => {
  test('costs a delivery no attempt and an endpoint no health, and is on record as ours', async () => {
    const { clock, world, webhooks, shop } = createWorld()
    await webhooks.start()
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    world.networkDown = true
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await clock.advance(12 * 3_600_000)
    const [during] = (await webhooks.deliveries.list()).items
    expect(during).toMatchObject({ status: 'pending', attempts: 0 })
    expect(await webhooks.endpoints.get(id)).toMatchObject({
      failedAttempts: 0,
      failingSince: null,
    })

    world.networkDown = false
    await clock.advance(15 * 60_000)
    const [after] = (await webhooks.deliveries.list()).items
    expect(after).toMatchObject({ status: 'succeeded', attempts: 1 })
    expect(shop.requests).toHaveLength(1)
    const attempts = await webhooks.deliveries.attempts(after?.id ?? '')
    expect(attempts.at(0)).toMatchObject({ number: 1, error: { origin: 'sender' } })
    expect(attempts.at(-1)).toMatchObject({ number: 1, succeeded: true })
    // Backed off: twelve hours at ten minutes each, and the quick ones before.
    expect(attempts.length).toBeLessThan(100)
  })

  test('that nobody mends ends a delivery after more than a week, in sight', async () => {
    const { clock, world, webhooks } = createWorld({ intervalMs: 3_600_000 })
    await webhooks.start()
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    const failed: string[] = []
    webhooks.on('delivery.failed', ({ delivery }) => void failed.push(delivery.id))
    world.networkDown = true
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await clock.advance(7 * 24 * 3_600_000)
    const [during] = (await webhooks.deliveries.list()).items
    expect(during).toMatchObject({ status: 'pending' })
    await clock.advance(24 * 3_600_000)
    const [after] = (await webhooks.deliveries.list()).items
    expect(after).toMatchObject({
      status: 'failed',
      attempts: 0,
      lastError: { code: 'dns_failed', origin: 'sender' },
    })
    expect(failed).toEqual([after?.id])
    expect(await webhooks.endpoints.get(id)).toMatchObject({ failedAttempts: 0, active: true })

    world.networkDown = false
    await webhooks.deliveries.retry(after?.id ?? '')
    await clock.advance(1_000)
    expect((await webhooks.deliveries.list()).items).toMatchObject([{ status: 'succeeded' }])
  })

  test('storage away: nothing is lost, and the worker comes back by itself', async () => {
    const { clock, world, webhooks, shop } = createWorld()
    await webhooks.start()
    await webhooks.endpoints.create({ url, events: ['*'] })
    const heard: Notifications['storage.failed'][] = []
    webhooks.on('storage.failed', (notification) => heard.push(notification))
    await webhooks.emit('order.paid', { orderId: 'o1' })
    world.storageDown = true
    await clock.advance(3_600_000)
    expect(shop.requests).toHaveLength(0)
    expect(heard.length).toBeGreaterThan(1)
    // Doubling waits up to half a minute: an hour is not thousands of tries.
    expect(heard.length).toBeLessThan(150)
    world.storageDown = false
    await clock.advance(31_000)
    expect(shop.requests).toHaveLength(1)
  })

  test('a listener that throws disturbs nobody', async () => {
    const { clock, webhooks, shop } = createWorld()
    await webhooks.start()
    const heard: string[] = []
    webhooks.on('delivery.succeeded', () => {
      throw new Error('a bug of the host')
    })
    webhooks.on('delivery.succeeded', async () => {
      throw new Error('an asynchronous bug of the host')
    })
    webhooks.on('delivery.succeeded', ({ delivery }) => heard.push(delivery.status))
    await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    expect(shop.requests).toHaveLength(1)
    expect(heard).toEqual(['succeeded'])
  })
})
