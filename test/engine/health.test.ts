import { describe, expect, test } from 'vitest'
import { memoryStorage, pollingScheduler } from '../../src/index.ts'
import { createTestWebhooks as createInstance } from '../../src/testing/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const retry = { delaysMs: new Array(100).fill(12 * 3_600_000), jitter: 0 }

async function failingEndpoint() {
  const world = createTestWebhooks({
    events,
    retry: { ...retry, delaysMs: [0, ...retry.delaysMs.slice(1)] },
  })
  const shop = world.receiver('https://shop.example/hooks')
  const endpoint = await world.webhooks.endpoints.create({ url: shop.url, events: ['*'] })
  const heard: string[] = []
  for (const name of ['endpoint.failing', 'endpoint.disabled', 'delivery.cancelled'] as const) {
    world.webhooks.on(name, () => heard.push(name))
  }
  return { ...world, shop, endpoint, heard }
}

describe('410 Gone', () => {
  test('switches the endpoint off at once and calls off what was owed to it', async () => {
    const { webhooks, shop, endpoint, settle, advance, heard } = await failingEndpoint()
    shop.answer(500)
    await webhooks.emit('order.paid', { orderId: 'first' })
    await settle()
    shop.answer(410)
    await webhooks.emit('order.paid', { orderId: 'second' })
    await settle()

    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      active: false,
      disabledReason: 'gone',
      disabledAt: expect.any(Date),
    })
    const { items } = await webhooks.deliveries.list()
    expect(items.map(({ status, cancelReason }) => [status, cancelReason])).toEqual([
      ['failed', null],
      ['cancelled', 'endpoint_disabled'],
    ])
    expect(heard).toEqual(['delivery.cancelled', 'endpoint.disabled'])
    const before = shop.requests.length
    await webhooks.emit('order.paid', { orderId: 'third' })
    await advance({ days: 30 })
    expect(shop.requests).toHaveLength(before)
  })
})

test('whoever is switched off is told of, also where the storage fails just then', async () => {
  const storage = memoryStorage()
  const { cancelDeliveries } = storage
  let calls = 0
  storage.cancelDeliveries = async (params) => {
    calls += 1
    if (calls === 1) throw new Error('the connection broke')
    return cancelDeliveries(params)
  }
  const { webhooks, receiver, settle } = createTestWebhooks({ events, storage })
  const shop = receiver('https://shop.example/hooks')
  shop.answer(410)
  await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
  const reasons: string[] = []
  webhooks.on('endpoint.disabled', ({ reason }) => reasons.push(reason))
  await webhooks.emit('order.paid', { orderId: 'o1' })
  await settle()
  expect(reasons).toEqual(['gone'])
})

describe('five days without a success', () => {
  test('warn at half-way and switch the endpoint off at the end', async () => {
    const { webhooks, shop, endpoint, settle, advance, heard } = await failingEndpoint()
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ days: 2, hours: 11 })
    expect(heard).toEqual([])
    await advance({ hours: 2 })
    expect(heard).toEqual(['endpoint.failing'])
    await advance({ days: 2 })
    expect(heard).toEqual(['endpoint.failing'])
    expect((await webhooks.endpoints.get(endpoint.id)).active).toBe(true)
    await advance({ hours: 12 })
    expect(heard).toEqual(['endpoint.failing', 'delivery.cancelled', 'endpoint.disabled'])
    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      active: false,
      disabledReason: 'failing',
    })
  })

  test('start anew with a success in between', async () => {
    const { webhooks, shop, endpoint, settle, advance } = await failingEndpoint()
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ days: 4, hours: 1 })
    shop.alwaysAnswer(200)
    await advance({ hours: 12 })
    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      failingSince: null,
      failedAttempts: 0,
    })
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await advance({ days: 4 })
    expect((await webhooks.endpoints.get(endpoint.id)).active).toBe(true)
  })

  test('are not enough with fewer than ten failed attempts', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({
      events,
      retry: { delaysMs: [0, 3 * 86_400_000, 3 * 86_400_000, 3 * 86_400_000], jitter: 0 },
    })
    const shop = receiver('https://shop.example/hooks')
    shop.alwaysAnswer(500)
    const { id } = await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ days: 20 })
    expect(await webhooks.endpoints.get(id)).toMatchObject({ active: true, failedAttempts: 4 })
  })
})

describe('an endpoint that was switched off', () => {
  test('gets nothing even if the process died before calling its deliveries off', async () => {
    const storage = memoryStorage()
    const { webhooks, receiver, settle, advance, now } = createTestWebhooks({ events, storage })
    const shop = receiver('https://shop.example/hooks')
    shop.answer(500)
    const { id, tenantId } = await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await storage.updateEndpoint({ tenantId, id, changes: { active: false }, now: now() })
    await advance({ days: 1 })
    expect(shop.requests).toHaveLength(1)
    const { items } = await webhooks.deliveries.list()
    expect(items).toMatchObject([
      { status: 'cancelled', cancelReason: 'endpoint_disabled', attempts: 1 },
    ])
    // The lease under which it was called off ends with it: leases that stay make claims slow.
    const stored = await storage.getDelivery({ tenantId, id: items[0]?.id ?? '' })
    expect(stored?.leaseToken).toBeNull()
  })
})

describe('enable', () => {
  test('starts clean: old failures do not switch it off again', async () => {
    const { webhooks, shop, endpoint, settle, advance } = await failingEndpoint()
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ days: 6 })
    await webhooks.endpoints.enable(endpoint.id)
    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      active: true,
      disabledAt: null,
      disabledReason: null,
      failingSince: null,
      failedAttempts: 0,
      pausedUntil: null,
    })
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await settle()
    expect((await webhooks.endpoints.get(endpoint.id)).active).toBe(true)
  })
})

describe('a throttling receiver', () => {
  test.each([429, 502, 503, 504])('%i pauses the whole endpoint, and no other', async (status) => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const busy = receiver('https://busy.example/hooks')
    const idle = receiver('https://idle.example/hooks')
    await webhooks.endpoints.create({ url: busy.url, events: ['*'] })
    await webhooks.endpoints.create({ url: idle.url, events: ['*'] })
    busy.answer({ status, headers: { 'retry-after': '3600' } })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await advance({ minutes: 59 })
    expect(busy.requests).toHaveLength(1)
    expect(idle.requests).toHaveLength(2)
    await advance({ minutes: 20 })
    expect(busy.requests).toHaveLength(3)
  })

  test('500 does not pause', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    shop.answer(500)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await settle()
    expect(shop.requests).toHaveLength(2)
  })
})

describe('an endpoint that keeps failing', () => {
  /** A receiver that takes a second for each answer, and how many it had at once, second by second. */
  async function createSlow() {
    const world = createTestWebhooks({ events, retry: { delaysMs: [0], jitter: 0 } })
    const shop = world.receiver('https://shop.example/hooks')
    await world.webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    const answer = (status: number) => shop.alwaysAnswer({ status, afterMs: 1_000 })
    let seen = 0
    return {
      ...world,
      answer,
      emit: (count: number) =>
        world.webhooks.emitMany(
          Array.from({ length: count }, (_, n) => ({
            type: 'order.paid' as const,
            data: { orderId: `o${n}` },
          })),
        ),
      /** Requests that came since the last look. */
      came() {
        const count = shop.requests.length - seen
        seen = shop.requests.length
        return count
      },
    }
  }

  test('gets fewer attempts at once, then rests between single probes', async () => {
    const { answer, emit, came, settle, advance } = await createSlow()
    answer(500)
    await emit(100)
    await settle()
    expect(came()).toBe(8)
    // Eight failures shrink the window to one; two more begin the rests.
    await advance({ seconds: 1 })
    expect(came()).toBe(1)
    await advance({ seconds: 1 })
    expect(came()).toBe(1)
    const gaps: number[] = []
    for (let second = 0, last = 0; second < 60; second++) {
      await advance({ seconds: 1 })
      const count = came()
      expect(count).toBeLessThanOrEqual(1)
      if (count > 0) gaps.push(second - last)
      if (count > 0) last = second
    }
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b))
    expect(gaps.length).toBeLessThanOrEqual(4)
  })

  test('is probed by one request at a time, over all processes', async () => {
    const storage = memoryStorage()
    const url = 'https://shop.example/hooks'
    const processes = [1, 2, 3].map((seed) =>
      createInstance({
        ...{ events, storage, seed, retry: { delaysMs: [0], jitter: 0 } },
        limits: { inFlightPerEndpoint: 3 },
        scheduler: pollingScheduler({ intervalMs: 1_000 }),
      }),
    )
    const [first] = processes
    const { id } = (await first?.webhooks.endpoints.create({ url, events: ['*'] })) ?? { id: '' }
    for (const { receiver } of processes) {
      receiver(url).alwaysAnswer({ status: 500, afterMs: 1_500 })
    }
    const orders = Array.from({ length: 200 }, (_, n) => ({ orderId: `o${n}` }))
    await first?.webhooks.emitMany(orders.map((data) => ({ type: 'order.paid' as const, data })))

    const failures = async () => (await first?.webhooks.endpoints.get(id))?.failedAttempts ?? 0
    let restsFrom = Number.POSITIVE_INFINITY
    for (let second = 0; second < 1_000; second++) {
      for (const each of processes) await each.advance({ seconds: 1 })
      const now = first?.now().getTime() ?? 0
      if ((await failures()) >= 10) restsFrom = Math.min(restsFrom, now)
    }
    const probes = processes
      .flatMap(({ requests }) => requests.map(({ at }) => at.getTime()))
      .filter((at) => at > restsFrom)
      .toSorted((a, b) => a - b)
    expect(probes.length).toBeGreaterThan(3)
    const gaps = probes.slice(1).map((at, n) => at - (probes[n] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000)
  })

  test('is ramped up gently when it comes back', async () => {
    const { answer, emit, came, settle, advance } = await createSlow()
    answer(500)
    await emit(9)
    await settle()
    await advance({ seconds: 2 })
    came()
    answer(200)
    await emit(40)
    await settle()
    const perSecond: number[] = [came()]
    for (let second = 0; second < 5; second++) {
      await advance({ seconds: 1 })
      perSecond.push(came())
    }
    expect(perSecond).toEqual([1, 2, 4, 8, 8, 8])
  })

  test('keeps nobody else waiting', async () => {
    const { webhooks, answer, emit, receiver, settle } = await createSlow()
    answer(500)
    const good = receiver('https://good.example/')
    await webhooks.endpoints.create({ url: good.url, events: ['*'] })
    await emit(100)
    await settle()
    expect(good.requests).toHaveLength(100)
  })
})
