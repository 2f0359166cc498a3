import { describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage, type Storage } from '../../src/index.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'

/** An instance with two slots whose settlements are held back until `settle` is called. */
async function createWorld(status: number) {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const network = new TestReceivers(clock)
  const kept = memoryStorage()
  let settle = () => {}
  const released = new Promise<void>((resolve) => {
    settle = resolve
  })
  const storage: Storage = {
    ...kept,
    async settleDeliveries(params) {
      await released
      return kept.settleDeliveries(params)
    },
    async fanOut(params) {
      if (params.settlements?.length) await released
      return kept.fanOut(params)
    },
  }
  const limits = { inFlight: 2, inFlightPerEndpoint: 2 }
  const webhooks = createWebhooks({ events, clock, storage, limits, transport: network })
  const urls = Array.from({ length: 12 }, (_, index) => `https://shop${index}.example/hooks`)
  for (const url of urls) {
    network.receiver(url).answer(status)
    await webhooks.endpoints.create({ url, events: ['*'], channels: [url] })
  }
  await webhooks.start()
  await webhooks.emitMany(
    urls.map((url) => ({ type: 'order.paid', data: { orderId: 'o1' }, channels: [url] })),
  )
  await clock.advance(1_000)
  return { clock, network, settle, webhooks }
}

describe('while settlements wait for the storage', () => {
  test('successes leave their slots to others, until three times as many wait as there are slots', async () => {
    const { clock, network, settle, webhooks } = await createWorld(200)
    expect(network.requests).toHaveLength(8)
    settle()
    await clock.advance(1_000)
    expect(network.requests).toHaveLength(12)
    expect((await webhooks.deliveries.list({ status: 'succeeded' })).total).toBe(12)
  })

  test('failures keep their slots: what follows from them is not known yet', async () => {
    const { clock, network, settle } = await createWorld(503)
    expect(network.requests).toHaveLength(2)
    settle()
    await clock.advance(1_000)
    expect(network.requests).toHaveLength(12)
  })
})
