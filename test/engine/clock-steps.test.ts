import { expect, test } from 'vitest'
import { createWebhooks, memoryStorage } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'
import { clockSetBack } from './clock-set-back.ts'

/** What time says is no measure of how long something has stood: an operator may set it back. */

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const hour = 3_600_000

function createWorld() {
  const virtual = new VirtualClock(new Date('2026-01-01T12:00:00Z'))
  const { clock, setBack } = clockSetBack(virtual)
  const network = new TestReceivers(virtual)
  const storage = memoryStorage()
  const webhooks = createWebhooks({
    ...{ events, storage, clock, random: seededRandom(1), transport: network, logger: silent },
    retry: { delaysMs: [0, 500], jitter: 0 },
  })
  return { virtual, network, storage, webhooks, stepBack: () => setBack(hour) }
}

test('a busy worker sees to retries at their time though the clock steps back', async () => {
  const { virtual, network, webhooks, stepBack } = createWorld()
  const slow = network.receiver('https://slow.example/hooks')
  slow.alwaysAnswer({ status: 200, afterMs: 20_000 })
  const failing = network.receiver('https://failing.example/hooks')
  failing.alwaysAnswer(500)
  await webhooks.endpoints.create({ url: slow.url, events: ['order.paid'] })
  await webhooks.endpoints.create({ url: failing.url, events: ['user.created'] })
  await webhooks.start()
  await webhooks.emit('order.paid', { orderId: 'o1' })
  await virtual.advance(2_000)
  stepBack()
  await webhooks.emit('user.created', { userId: 'u1' })
  await virtual.advance(5_000)
  expect(failing.requests).toHaveLength(2)
})

test('a worker rests after a fault no longer than it would though the clock steps back', async () => {
  const { virtual, network, storage, webhooks, stepBack } = createWorld()
  const shop = network.receiver('https://shop.example/hooks')
  await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
  const { claimDeliveries } = storage
  storage.claimDeliveries = async () => {
    throw new Error('the connection broke')
  }
  await webhooks.start()
  await virtual.advance(1_500)
  storage.claimDeliveries = claimDeliveries
  stepBack()
  await webhooks.emit('order.paid', { orderId: 'o1' })
  await virtual.advance(60_000)
  expect(shop.requests).toHaveLength(1)
})
