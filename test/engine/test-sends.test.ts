import { describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage, pollingScheduler, type Storage } from '../../src/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'

const url = 'https://shop.example/hooks'
const silent = { debug() {}, info() {}, warn() {}, error() {} }

describe('a test send', () => {
  test('that failed through our own fault counts no attempt', async () => {
    const webhooks = createWebhooks({
      events,
      storage: memoryStorage(),
      logger: silent,
      transport: {
        send: async () => ({
          response: null,
          error: { code: 'dns_failed', message: 'the resolver is down', origin: 'sender' },
        }),
        checkUrl: async () => {},
        close: async () => {},
      },
    })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.endpoints.test(id)
    const [delivery] = (await webhooks.deliveries.list()).items
    expect(delivery).toMatchObject({ status: 'failed', attempts: 0 })
  })

  test('whose process died is neither repeated for days nor held against its endpoint', async () => {
    const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
    const network = new TestReceivers(clock)
    const memory = memoryStorage()
    const dying: Storage = { ...memory, settleDeliveries: () => new Promise(() => {}) }
    const options = { events, clock, transport: network, logger: silent }
    const dead = createWebhooks({ ...options, storage: dying, random: seededRandom(1) })
    const survivor = createWebhooks({
      ...options,
      storage: memory,
      random: seededRandom(2),
      scheduler: pollingScheduler({ intervalMs: 60_000 }),
    })
    const shop = network.receiver(url)
    shop.alwaysAnswer(500)
    const { id } = await dead.endpoints.create({ url, events: ['*'] })
    dead.endpoints.test(id).catch(() => {})
    await clock.settle()
    await survivor.start()
    await clock.advance(7 * 24 * 3_600_000)
    expect(shop.requests).toHaveLength(2)
    expect((await survivor.deliveries.list()).items).toMatchObject([{ status: 'failed' }])
    expect(await survivor.endpoints.get(id)).toMatchObject({
      failedAttempts: 0,
      failingSince: null,
    })
  })

  test('is not among what recover sends again', async () => {
    const { webhooks, receiver, settle, now } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    shop.answer(500, 410)
    await webhooks.endpoints.test(id)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await webhooks.endpoints.enable(id)
    const span = { endpointId: id, since: new Date(0), until: new Date(now().getTime() + 1) }
    expect(await webhooks.recover({ ...span, dryRun: true })).toMatchObject({ failed: 1 })
    expect(await webhooks.recover(span)).toMatchObject({ failed: 1 })
    await settle()
    expect(shop.types).toEqual(['webhook.test', 'order.paid', 'order.paid'])
  })
})
