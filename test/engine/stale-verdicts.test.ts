import { describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage, type Storage } from '../../src/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'

const url = 'https://shop.example/hooks'

function createWorld() {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const network = new TestReceivers(clock)
  const memory = memoryStorage()
  let processes = 0
  return {
    clock,
    memory,
    shop: network.receiver(url),
    process: (own: Partial<Storage> = {}) =>
      createWebhooks({
        events,
        clock,
        storage: { ...memory, ...own },
        transport: network,
        random: seededRandom(++processes),
        disable: { afterMs: 1_000, attempts: 2 },
        retry: { delaysMs: [0, 2_000, 600_000], jitter: 0 },
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      }),
  }
}

describe('an endpoint is not switched off', () => {
  test('as gone by an answer to a request from before its owner moved it', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const old = receiver('https://old.example/')
    const moved = receiver('https://new.example/')
    old.answer({ status: 410, afterMs: 1_000 })
    const { id } = await webhooks.endpoints.create({ url: old.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await webhooks.endpoints.update(id, { url: moved.url })
    await advance({ seconds: 2 })
    expect(await webhooks.endpoints.get(id)).toMatchObject({ active: true })
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await settle()
    expect(moved.types).toEqual(['order.paid'])
  })

  test('as failing by a process that has not heard of a success since', async () => {
    const { clock, memory, shop, process } = createWorld()
    const slow = process({
      recordHealth: async (params) => {
        const endpoints = await memory.recordHealth(params)
        await new Promise<void>((resolve) => clock.setTimer(resolve, 10_000))
        return endpoints
      },
    })
    const other = process()
    shop.answer(500, 500, 200)
    const { id } = await slow.endpoints.create({ url, events: ['*'] })
    await slow.start()
    await slow.emit('order.paid', { orderId: 'o1' })
    await clock.advance(11_000)
    expect(shop.requests).toHaveLength(2)
    // The second failure is recorded and makes two; before `slow` hears so, all is well again.
    await other.start()
    await other.emit('order.paid', { orderId: 'o2' })
    await clock.settle()
    expect(shop.requests).toHaveLength(3)
    await clock.advance(20_000)
    expect(await other.endpoints.get(id)).toMatchObject({ active: true, failedAttempts: 0 })
    await Promise.all([slow.stop(), other.stop()])
  })
})

describe('a worker that claims a delivery again whose attempt it still has in hand', () => {
  test('counts and tells of one of the two', async () => {
    const { clock, memory, shop, process } = createWorld()
    let release = () => {}
    const worker = process({
      renewLeases: async () => {
        throw new Error('the database is slow')
      },
      settleDeliveries: async (params) => {
        // The first write hangs until the lease of what waits behind it has ended.
        if (params.settlements.some(({ attempt }) => attempt.response?.status === 201)) {
          await new Promise<void>((resolve) => {
            release = resolve
          })
        }
        return memory.settleDeliveries(params)
      },
    })
    const told: string[] = []
    worker.on('delivery.succeeded', ({ delivery }) => told.push(delivery.eventId))
    shop.answer(201)
    await worker.endpoints.create({
      url,
      events: ['*'],
      rateLimit: { limit: 1_000, intervalMs: 1_000 },
    })
    await worker.start()
    await worker.emit('order.paid', { orderId: 'hangs' })
    await clock.settle()
    const { id } = await worker.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    await clock.advance(61_000)
    release()
    await clock.settle()
    expect(shop.requests.filter(({ eventId }) => eventId === id)).toHaveLength(2)
    expect(told.filter((eventId) => eventId === id)).toHaveLength(1)
  })
})
