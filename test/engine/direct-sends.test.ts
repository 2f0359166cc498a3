import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../../src/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** A memory storage that notes what was claimed, and what was sent before it was stored. */
function watched() {
  const storage = memoryStorage()
  const { claimDeliveries, fanOut, settleDeliveries } = storage
  const claimed: string[] = []
  const direct: string[] = []
  const settled: string[] = []
  storage.claimDeliveries = async (params) => {
    const claim = await claimDeliveries(params)
    claimed.push(...claim.deliveries.map(({ id }) => id))
    return claim
  }
  storage.fanOut = async (params) => {
    const added = params.results.flatMap(({ deliveries }) => deliveries)
    direct.push(...added.filter(({ leaseToken }) => leaseToken !== null).map(({ id }) => id))
    return fanOut(params)
  }
  storage.settleDeliveries = async (params) => {
    settled.push(...params.settlements.map(({ id }) => id))
    return settleDeliveries(params)
  }
  return { storage, claimed, direct, settled }
}

const orders = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    type: 'order.paid' as const,
    data: { orderId: `o${n}` },
  }))

describe('what is fanned out', () => {
  test('is sent at once and needs no claim, as long as there are slots for it', async () => {
    const { storage, claimed, direct } = watched()
    const { webhooks, requests, settle } = createTestWebhooks({ events, storage })
    for (let n = 0; n < 20; n++) {
      await webhooks.endpoints.create({ url: `${url}/${n}`, events: ['order.paid'] })
    }
    await webhooks.emitMany(orders(2))
    await settle()
    expect(requests).toHaveLength(40)
    expect(direct).toHaveLength(40)
    expect(claimed).toEqual([])
  })

  test('is claimed where there are no slots for it', async () => {
    const { storage, claimed, direct } = watched()
    const { webhooks, requests, settle } = createTestWebhooks({ events, storage })
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    await webhooks.emitMany(orders(100))
    await settle()
    expect(requests).toHaveLength(100)
    // No more of each batch than one endpoint may hold.
    expect(direct.length).toBeLessThan(20)
    expect(claimed.length + direct.length).toBe(100)
  })

  test.for([
    ['a rate limit', { rateLimit: { limit: 2, intervalMs: 1_000 } }],
    ['a first attempt later on', { retry: { delaysMs: [5_000, 5_000], jitter: 0 } }],
  ] as const)('is left to a claim where its endpoint has %s', async ([, settings]) => {
    const { storage, direct } = watched()
    const { webhooks, requests, settle, advance } = createTestWebhooks({ events, storage })
    await webhooks.endpoints.create({ url, events: ['order.paid'], ...settings })
    await webhooks.emitMany(orders(6))
    await settle()
    expect(direct).toEqual([])
    expect(requests.length).toBeLessThan(6)
    await advance({ seconds: 10 })
    expect(requests).toHaveLength(6)
  })

  test('is left to a claim while its endpoint is paused, and after a failure', async () => {
    const { storage, direct } = watched()
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events, storage })
    const shop = receiver(url)
    shop.answer({ status: 503, headers: { 'retry-after': '60' } })
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect(direct).toHaveLength(1)
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await advance({ seconds: 59 })
    expect(shop.requests).toHaveLength(1)
    await advance({ minutes: 2 })
    expect(shop.requests).toHaveLength(3)
    expect(direct).toHaveLength(1)
  })

  test('is written once, with its first attempt', async () => {
    const { storage, direct, settled } = watched()
    const { webhooks, receiver, settle } = createTestWebhooks({ events, storage })
    receiver(url).answer(200, 500)
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    const told: string[] = []
    webhooks.on('delivery.succeeded', ({ delivery }) => told.push(delivery.id))
    webhooks.on('delivery.attempt.failed', ({ delivery }) => told.push(delivery.id))
    await webhooks.emitMany(orders(2))
    await settle()
    expect(direct).toHaveLength(2)
    expect(settled).toEqual([])
    const { items } = await webhooks.deliveries.list()
    expect(items.map(({ status }) => status).sort()).toEqual(['pending', 'succeeded'])
    for (const { id, attempts } of items) {
      expect(attempts).toBe(1)
      expect(await webhooks.deliveries.attempts(id)).toHaveLength(1)
    }
    expect(told.sort()).toEqual(items.map(({ id }) => id).sort())
  })

  test('is seen a second later where its receiver does not answer', async () => {
    const { storage, settled } = watched()
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events, storage })
    receiver(url).answer({ status: 200, afterMs: 20_000 })
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect((await webhooks.deliveries.list()).items).toEqual([])
    expect(await webhooks.stats({})).toMatchObject({ backlog: 1 })
    await advance({ seconds: 1 })
    const [underWay] = (await webhooks.deliveries.list()).items
    expect(underWay).toMatchObject({ status: 'pending', attempts: 0 })
    await advance({ seconds: 20 })
    expect(settled).toEqual([underWay?.id])
    expect(await webhooks.deliveries.get(underWay?.id ?? '')).toMatchObject({
      ...{ status: 'succeeded', attempts: 1 },
    })
    expect(receiver(url).requests).toHaveLength(1)
  })

  test('is seen with the first answer to another of its event', async () => {
    const { storage } = watched()
    const { webhooks, receiver, settle } = createTestWebhooks({ events, storage })
    const slow = receiver('https://slow.example/')
    slow.answer({ status: 200, afterMs: 20_000 })
    for (const each of [url, slow.url]) {
      await webhooks.endpoints.create({ url: each, events: ['order.paid'] })
    }
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    const { items } = await webhooks.deliveries.list()
    expect(items.map(({ status }) => status).sort()).toEqual(['pending', 'succeeded'])
  })

  test('keeps nothing waiting that its event owes to others', async () => {
    const { storage, claimed } = watched()
    const { webhooks, receiver, settle } = createTestWebhooks({ events, storage })
    const slow = receiver('https://slow.example/')
    slow.answer({ status: 200, afterMs: 20_000 })
    const rateLimit = { limit: 10, intervalMs: 1_000 }
    await webhooks.endpoints.create({ url: slow.url, events: ['order.paid'] })
    await webhooks.endpoints.create({ url, events: ['order.paid'], rateLimit })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect(receiver(url).requests).toHaveLength(1)
    expect(claimed).toHaveLength(1)
  })

  test('is left to a claim where it goes to more endpoints than are looked at at once', async () => {
    const { storage, claimed, direct } = watched()
    const { webhooks, requests, settle } = createTestWebhooks({ events, storage })
    for (let n = 0; n < 101; n++) {
      await webhooks.endpoints.create({ url: `${url}/${n}`, events: ['order.paid'] })
    }
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect(requests).toHaveLength(101)
    expect(claimed).toHaveLength(101)
    expect(direct).toEqual([])
  })

  test('keeps no retry waiting, however much of it there is', async () => {
    const { storage, claimed, direct } = watched()
    const { webhooks, receiver, settle, advance, now } = createTestWebhooks({
      ...{ events, storage },
      retry: { delaysMs: [0, 2_000], jitter: 0 },
    })
    const shaky = receiver('https://shaky.example/')
    shaky.answer(500, 200)
    await webhooks.endpoints.create({ url: shaky.url, events: ['user.created'] })
    const channels = Array.from({ length: 20 }, (_, n) => `channel${n}`)
    for (const channel of channels) {
      const busy = receiver(`https://${channel}.example/`)
      busy.alwaysAnswer({ status: 200, afterMs: 7 })
      const input = { url: busy.url, events: ['order.paid'], channels: [channel] }
      await webhooks.endpoints.create(input)
    }
    await webhooks.emit('user.created', { userId: 'u1' })
    await settle()
    const begin = now().getTime()
    // Never without an attempt under way, and with slots left for what comes.
    for (let turn = 0; turn < 420; turn++) {
      const flood = channels.map((channel) => ({
        ...{ type: 'order.paid' as const, data: { orderId: channel } },
        channels: [channel],
      }))
      await webhooks.emitMany(flood)
      await advance({ ms: 5 })
    }
    expect(direct.length).toBeGreaterThan(10 * claimed.length)
    const retry = shaky.requests[1]?.at.getTime() ?? 0
    expect(retry - begin).toBeGreaterThanOrEqual(2_000)
    expect(retry - begin).toBeLessThanOrEqual(2_050)
  })

  test('overtakes nothing that its endpoint has had waiting for long', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const slow = receiver(url)
    slow.alwaysAnswer({ status: 200, afterMs: 100 })
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    for (let n = 0; n < 60; n++) {
      await webhooks.emitMany(orders(10).map((order) => ({ ...order, data: { orderId: `${n}` } })))
      await settle()
      await advance({ ms: 100 })
    }
    await advance({ minutes: 1 })
    const order = slow.requests.map(({ body }) => Number(JSON.parse(body).data.orderId))
    expect(order).toHaveLength(600)
    const overtaken = order.map((n, place) => Math.max(0, ...order.slice(0, place)) - n)
    expect(Math.max(...overtaken)).toBeLessThanOrEqual(2)
  })
})
