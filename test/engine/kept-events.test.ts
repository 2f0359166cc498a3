import { describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage, type Storage } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createTestWebhooks, events } from '../support.ts'
import { clockSetBack } from './clock-set-back.ts'

const slots = 8
const limits = { inFlight: slots, inFlightPerEndpoint: slots }
const type = 'order.paid'
const channels = Array.from({ length: 2 * slots }, (_, n) => `channel${n}`)
const urlOf = (tenantId: string, channel = channels[0]) => `https://${channel}.${tenantId}.example/`

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Events for one endpoint after the other. */
const orders = (count: number, tenantId = 'default') =>
  Array.from({ length: count }, (_, n) => ({
    ...{ type: type as typeof type, tenantId, channels: [channels[n % channels.length] ?? ''] },
    data: { orderId: `${tenantId} ${n}` },
  }))

/** A memory storage that notes whether what is inserted is leased, and what claims find. */
function watched() {
  const storage: Storage = memoryStorage()
  const { insertEvents, claimEvents } = storage
  const inserts: { count: number; leased: boolean }[] = []
  let claimed = 0
  storage.insertEvents = async (params) => {
    inserts.push({
      count: params.events.length,
      leased: params.events.every(({ lease }) => lease !== null),
    })
    return insertEvents(params)
  }
  storage.claimEvents = async (params) => {
    const found = await claimEvents(params)
    claimed += found.length
    return found
  }
  return { storage, inserts, claimed: () => claimed }
}

/** A worker, and more endpoints of each tenant than it has slots, which answer after so long. */
async function createWorld({ tenantIds = ['default'], afterMs = 0 } = {}) {
  const { storage, ...seen } = watched()
  const world = createTestWebhooks({ events, storage, limits })
  for (const tenantId of tenantIds) {
    for (const channel of channels) {
      const url = urlOf(tenantId, channel)
      world.receiver(url).alwaysAnswer({ status: 200, afterMs })
      const subscription = { events: ['*'], channels: [channel] }
      await world.webhooks.endpoints.create({ tenantId, url, ...subscription })
    }
  }
  await world.settle()
  return { ...world, ...seen, storage }
}

describe('an event that a worker’s process emits', () => {
  test('stays in its hand: inserted under its lease, and never claimed', async () => {
    const { webhooks, settle, requests, inserts, claimed } = await createWorld()
    await webhooks.emitMany(orders(1))
    await webhooks.emitMany(orders(20))
    await settle()
    expect(requests).toHaveLength(21)
    expect(inserts).toEqual([
      { count: 1, leased: true },
      { count: 20, leased: true },
    ])
    expect(claimed()).toBe(0)
    const { items } = await webhooks.deliveries.list({ limit: 100 })
    expect(items.filter(({ status }) => status === 'succeeded')).toHaveLength(21)
  })

  test('waits for anybody where no worker runs', async () => {
    const { storage, inserts } = watched()
    const emitter = createWebhooks({ events, storage })
    await emitter.emit(type, { orderId: 'o1' })
    expect(inserts).toEqual([{ count: 1, leased: false }])
  })

  test('waits for anybody while the worker has more than it will soon get to', async () => {
    const { webhooks, settle, requests, inserts, claimed } = await createWorld()
    // Nothing is known yet of how quick it is.
    await webhooks.emitMany(orders(4 * slots + 1))
    // What waits in the storage is older.
    await webhooks.emitMany(orders(1))
    await settle()
    expect(inserts.map(({ leased }) => leased)).toEqual([false, false])
    expect(claimed()).toBe(4 * slots + 2)
    // Nothing waits there any more, and the worker has shown that it is quick.
    await webhooks.emitMany(orders(40 * slots))
    await settle()
    expect(inserts.at(-1)?.leased).toBe(true)
    expect(requests).toHaveLength(4 * slots + 2 + 40 * slots)
  })

  test('waits for anybody while the worker rests', async () => {
    const { webhooks, advance, settle, requests, storage, inserts } = await createWorld()
    const { listSubscribers } = storage
    storage.listSubscribers = () => Promise.reject(new Error('connection lost'))
    await webhooks.emitMany(orders(1))
    await settle()
    storage.listSubscribers = listSubscribers
    await webhooks.emitMany(orders(1))
    expect(inserts.map(({ leased }) => leased)).toEqual([true, false])
    await advance({ seconds: 1 })
    expect(requests).toHaveLength(2)
  })

  test('is no obstacle to the next ones where its insert fails', async () => {
    const { webhooks, advance, settle, requests, storage, inserts } = await createWorld()
    const { insertEvents } = storage
    for (let failed = 0; failed < 5; failed++) {
      storage.insertEvents = () => Promise.reject(new Error('connection lost'))
      const refused = expect(webhooks.emitMany(orders(30))).rejects.toThrow()
      await advance({ seconds: 1 })
      await refused
    }
    storage.insertEvents = insertEvents
    await webhooks.emitMany(orders(30))
    await settle()
    expect(inserts).toEqual([{ count: 30, leased: true }])
    expect(requests).toHaveLength(30)
  })

  test('whose key is taken is sent once', async () => {
    const { webhooks, settle, requests } = await createWorld()
    const options = { idempotencyKey: 'once', channels: ['channel0'] }
    const emit = () => webhooks.emit(type, { orderId: 'o1' }, options)
    const [first, second] = [await emit(), await emit()]
    await settle()
    expect(second).toEqual({ ...first, duplicate: true })
    expect(requests).toHaveLength(1)
  })

  test('sees the endpoints that were there when it was emitted, whatever else is at hand', async () => {
    const { webhooks, advance, requests, settle } = await createWorld({ afterMs: 5 })
    await webhooks.emitMany(orders(3 * slots))
    await settle()
    const late = 'https://late.example/'
    await webhooks.endpoints.create({ url: late, events: ['*'] })
    await webhooks.emitMany(orders(slots))
    await advance({ seconds: 1 })
    expect(requests.filter(({ url }) => url === late)).toHaveLength(slots)
    expect(requests).toHaveLength(5 * slots)
  })

  test('takes its tenant’s turn: one who emits little does not wait for one who emits much', async () => {
    const tenantIds = ['much', 'little']
    const { webhooks, advance, requests, settle } = await createWorld({ tenantIds, afterMs: 5 })
    await webhooks.emitMany(orders(4 * slots - 1, 'much'))
    await settle()
    await webhooks.emitMany(orders(1, 'little'))
    await advance({ seconds: 1 })
    expect(requests).toHaveLength(4 * slots)
    const place = requests.findIndex(({ url }) => url === urlOf('little'))
    expect(place).toBeLessThanOrEqual(2 * slots)
  })

  test('keeps nothing waiting that another process emits, however much of it there is', async () => {
    const tenantIds = ['own', 'other']
    const world = await createWorld({ tenantIds, afterMs: 5 })
    const { webhooks, advance, now, requests, storage, inserts } = world
    const clock = { now, setTimer: () => () => {} }
    const emitter = createWebhooks({ events, storage, clock })
    await webhooks.emitMany(orders(3 * slots, 'own'))
    await emitter.emitMany(orders(1, 'other'))
    // The hand is never empty.
    for (let emitted = 0; emitted < 20; emitted++) {
      await webhooks.emitMany(orders(slots - 1, 'own'))
      await advance({ ms: 5 })
    }
    expect(inserts.filter(({ leased }) => !leased)).toHaveLength(1)
    expect(requests.map(({ url }) => url)).toContain(urlOf('other'))
    expect(requests.length).toBeLessThan(22 * slots)
  })

  test('keeps nothing waiting that another process emits, though the clock steps back', async () => {
    const { storage } = watched()
    const virtual = new VirtualClock(new Date('2026-01-01T12:00:00Z'))
    const { clock, setBack } = clockSetBack(virtual)
    const network = new TestReceivers(virtual)
    const given = { events, storage, clock, random: seededRandom(1), transport: network }
    const webhooks = createWebhooks({ ...given, limits, logger: silent })
    for (const tenantId of ['own', 'other']) {
      for (const channel of channels) {
        const url = urlOf(tenantId, channel)
        network.receiver(url).alwaysAnswer({ status: 200, afterMs: 5 })
        await webhooks.endpoints.create({ tenantId, url, events: ['*'], channels: [channel] })
      }
    }
    await webhooks.start()
    await virtual.settle()
    await webhooks.emitMany(orders(3 * slots, 'own'))
    await virtual.settle()
    await virtual.advance(1_000)
    setBack(3_600_000)
    await webhooks.emitMany(orders(3 * slots, 'own'))
    await createWebhooks(given).emitMany(orders(1, 'other'))
    for (let emitted = 0; emitted < 20; emitted++) {
      await webhooks.emitMany(orders(slots - 1, 'own'))
      await virtual.advance(5)
    }
    expect(network.receiver(urlOf('other')).requests).toHaveLength(1)
  })

  test('goes back where its worker stops, also if it comes only then', async () => {
    const { webhooks, now, settle, storage } = await createWorld()
    const { insertEvents } = storage
    const arrives = Promise.withResolvers<void>()
    storage.insertEvents = async (params) => {
      await arrives.promise
      return insertEvents(params)
    }
    const emitting = webhooks.emitMany(orders(slots))
    await settle()
    const stopped = webhooks.stop()
    arrives.resolve()
    const emitted = await emitting
    await stopped
    const claim = { now: now(), leaseToken: 'other', leaseUntil: new Date(now().getTime() + 1) }
    const left = await storage.claimEvents({ ...claim, limit: 100 })
    expect(left.map(({ id }) => id)).toEqual(emitted.map(({ id }) => id))
  })
})
