import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events } from '../support.ts'

describe('isolation', () => {
  test('endpoints that hang take nothing from the healthy ones', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const sick = Array.from({ length: 10 }, (_, n) => receiver(`https://sick${n}.example/`))
    const healthy = Array.from({ length: 90 }, (_, n) => receiver(`https://healthy${n}.example/`))
    for (const each of sick) each.alwaysAnswer('timeout')
    // The sick ones come first everywhere: the worst order.
    for (const { url } of [...sick, ...healthy]) {
      await webhooks.endpoints.create({ url, events: ['*'] })
    }
    // All at once, so that each has a backlog when the first slots are given out.
    const orders = Array.from({ length: 20 }, (_, n) => ({
      type: 'order.paid' as const,
      data: { orderId: `o${n}` },
    }))
    const [{ createdAt } = { createdAt: new Date(0) }] = await webhooks.emitMany(orders)
    await settle()
    await advance({ seconds: 1 })
    for (const each of healthy) {
      expect(each.requests).toHaveLength(20)
      const lateness = each.requests.map(({ at }) => at.getTime() - createdAt.getTime())
      expect(Math.max(...lateness)).toBe(0)
    }
  })

  test('ten of a hundred hang, and one tenant emits a hundred times more: nobody else waits', async () => {
    const { webhooks, receiver, requests, settle, advance, now } = createTestWebhooks({ events })
    const tenants = Array.from({ length: 10 }, (_, n) => `tenant${n}`)
    const tenantOf = new Map<string, string>()
    for (const tenantId of tenants) {
      for (let n = 0; n < 10; n++) {
        const { url } = receiver(`https://${n === 0 ? 'sick' : 'healthy'}${n}.${tenantId}.example/`)
        tenantOf.set(url, tenantId)
        if (n === 0) receiver(url).alwaysAnswer('timeout')
        await webhooks.endpoints.create({ tenantId, url, events: ['*'] })
      }
    }
    const order = (tenantId: string) => ({
      ...{ type: 'order.paid' as const, tenantId },
      data: { orderId: tenantId },
    })
    const emittedAt = now().getTime()
    // Who emits more comes first, too: the worst order.
    await webhooks.emitMany([
      ...Array.from({ length: 500 }, () => order('tenant0')),
      ...tenants.slice(1).flatMap((tenantId) => Array.from({ length: 5 }, () => order(tenantId))),
    ])
    await settle()
    await advance({ seconds: 1 })

    const healthy = requests.filter(({ url }) => url.includes('healthy'))
    expect(healthy).toHaveLength(9 * (500 + 9 * 5))
    // With most slots taken by those that hang, events are left for a moment for free ones.
    const lateness = healthy.map(({ at }) => at.getTime() - emittedAt)
    expect(Math.max(...lateness)).toBeLessThanOrEqual(15)
    // As long as each tenant has something waiting, each has its share of what goes out.
    const owners = healthy.map(({ url }) => tenantOf.get(url))
    const lastOfOthers = owners.findLastIndex((owner) => owner !== 'tenant0')
    const ofBusy = owners.slice(0, lastOfOthers).filter((owner) => owner === 'tenant0')
    expect(ofBusy.length).toBeLessThan(3 * 9 * 5)
  })

  test.each([1, 8, 20, 40])('who comes after %i hanging endpoints finds a slot', async (count) => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    for (let n = 0; n < count; n++) {
      const { url } = receiver(`https://sick${n}.example/`)
      receiver(url).alwaysAnswer('timeout')
      await webhooks.endpoints.create({ url, events: ['order.*'] })
    }
    const late = receiver('https://late.example/')
    await webhooks.endpoints.create({ url: late.url, events: ['user.created'] })
    const orders = Array.from({ length: 20 }, (_, n) => ({
      type: 'order.paid' as const,
      data: { orderId: `o${n}` },
    }))
    await webhooks.emitMany(orders)
    await settle()
    await webhooks.emit('user.created', { userId: 'u1' })
    await settle()
    expect(late.requests).toHaveLength(1)
  })

  test('a tenant with a backlog does not keep another waiting', async () => {
    const { webhooks, receiver, requests, settle } = createTestWebhooks({
      events,
      limits: { inFlight: 4 },
    })
    const busy = receiver('https://busy.example/')
    const calm = receiver('https://calm.example/')
    await webhooks.endpoints.create({ url: busy.url, events: ['*'], tenantId: 'busy' })
    await webhooks.endpoints.create({ url: calm.url, events: ['*'], tenantId: 'calm' })
    await webhooks.emitMany(
      Array.from({ length: 1_000 }, (_, n) => ({
        type: 'order.paid' as const,
        data: { orderId: `o${n}` },
        tenantId: 'busy',
      })),
    )
    await webhooks.emit('order.paid', { orderId: 'calm' }, { tenantId: 'calm' })
    await settle()
    expect(requests).toHaveLength(1_001)
    expect(requests.findIndex(({ url }) => url === calm.url)).toBeLessThan(20)
  })

  test('no more attempts run at once than the limits say', async () => {
    const limits = { inFlight: 10, inFlightPerEndpoint: 3 }
    const { webhooks, receiver, requests, settle, advance } = createTestWebhooks({ events, limits })
    for (let n = 0; n < 8; n++) {
      const each = receiver(`https://r${n}.example/`)
      each.alwaysAnswer({ status: 200, afterMs: 1_000 })
      await webhooks.endpoints.create({ url: each.url, events: ['*'] })
    }
    for (let n = 0; n < 30; n++) await webhooks.emit('order.paid', { orderId: `o${n}` })
    await settle()
    await advance({ minutes: 10 })
    expect(requests).toHaveLength(240)
    const starts = Map.groupBy(requests, ({ at }) => at.getTime())
    for (const together of starts.values()) {
      expect(together.length).toBeLessThanOrEqual(10)
      const perUrl = Map.groupBy(together, ({ url }) => url)
      for (const ofOne of perUrl.values()) expect(ofOne.length).toBeLessThanOrEqual(3)
    }
  })

  test('an endpoint gets no more than its rate limit', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/')
    const rateLimit = { limit: 5, intervalMs: 1_000 }
    await webhooks.endpoints.create({ url: shop.url, events: ['*'], rateLimit })
    for (let n = 0; n < 50; n++) await webhooks.emit('order.paid', { orderId: `o${n}` })
    await settle()
    expect(shop.requests).toHaveLength(5)
    await advance({ seconds: 20 })
    expect(shop.requests).toHaveLength(50)
    const at = shop.requests.map((request) => request.at.getTime())
    at.forEach((instant, index) => {
      const inSecond = at.filter((other) => other >= instant && other < instant + 1_000)
      // A bucket of five, refilled five a second: at most ten within any second.
      expect(inSecond.length).toBeLessThanOrEqual(10)
      // And over any longer span the rate holds, but for the bucket's five.
      const sinceFirst = (instant - (at[0] ?? 0)) / 1_000
      expect(index + 1).toBeLessThanOrEqual(5 + Math.ceil(5 * sinceFirst))
    })
  })

  test('retries of one event go on while new events pass', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/')
    await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    shop.answer(500)
    const first = await webhooks.emit('order.paid', { orderId: 'first' })
    await settle()
    const second = await webhooks.emit('order.paid', { orderId: 'second' })
    await settle()
    await advance({ minutes: 1 })
    expect(shop.requests.map(({ eventId }) => eventId)).toEqual([first.id, second.id, first.id])
  })
})
