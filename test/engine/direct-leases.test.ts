import { describe, expect, test } from 'vitest'
import { memoryStorage, type Storage } from '../../src/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** A memory storage that notes its claims, and calls `before` between the look at the endpoints and the write. */
function watched(before: (storage: Storage) => Promise<unknown> = async () => {}) {
  const storage = memoryStorage()
  const { claimDeliveries, fanOut } = storage
  const claimed: string[] = []
  const leased: string[] = []
  storage.claimDeliveries = async (params) => {
    const claim = await claimDeliveries(params)
    claimed.push(...claim.deliveries.map(({ id }) => id))
    return claim
  }
  storage.fanOut = async (params) => {
    await before(storage)
    const answer = await fanOut(params)
    leased.push(...answer.leased)
    return answer
  }
  return { storage, claimed, leased }
}

const orders = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    type: 'order.paid' as const,
    data: { orderId: `o${n}` },
  }))

describe('what is fanned out', () => {
  test('is sent at once and needs no claim, as long as there are slots for it', async () => {
    const { storage, claimed, leased } = watched()
    const { webhooks, requests, settle } = createTestWebhooks({ events, storage })
    for (let n = 0; n < 20; n++) {
      await webhooks.endpoints.create({ url: `${url}/${n}`, events: ['order.paid'] })
    }
    await webhooks.emitMany(orders(2))
    await settle()
    expect(requests).toHaveLength(40)
    expect(leased).toHaveLength(40)
    expect(claimed).toEqual([])
  })

  test('is claimed where there are no slots for it', async () => {
    const { storage, claimed, leased } = watched()
    const { webhooks, requests, settle } = createTestWebhooks({ events, storage })
    await webhooks.endpoints.create({ url, events: ['order.paid'] })
    await webhooks.emitMany(orders(100))
    await settle()
    expect(requests).toHaveLength(100)
    // No more of each batch than one endpoint may hold.
    expect(leased.length).toBeLessThan(20)
    expect(claimed.length + leased.length).toBe(100)
  })

  test.for([
    ['a rate limit', { rateLimit: { limit: 2, intervalMs: 1_000 } }],
    ['a first attempt later on', { retry: { delaysMs: [5_000, 5_000], jitter: 0 } }],
  ] as const)('is left to a claim where its endpoint has %s', async ([, settings]) => {
    const { storage, leased } = watched()
    const { webhooks, requests, settle, advance } = createTestWebhooks({ events, storage })
    await webhooks.endpoints.create({ url, events: ['order.paid'], ...settings })
    await webhooks.emitMany(orders(6))
    await settle()
    expect(leased).toEqual([])
    expect(requests.length).toBeLessThan(6)
    await advance({ seconds: 10 })
    expect(requests).toHaveLength(6)
  })

  test('goes to what its endpoint is when it is written, not to what it was before', async () => {
    let endpoint = { id: '', tenantId: '' }
    let changes: Partial<Parameters<Storage['updateEndpoint']>[0]['changes']> | null = null
    const { storage } = watched(async (stored) => {
      if (changes === null) return
      const now = new Date('2026-01-01T00:00:00Z')
      const { id, tenantId } = endpoint
      await stored.updateEndpoint({ tenantId, id, changes, now })
      changes = null
    })
    const { webhooks, receiver, settle, now } = createTestWebhooks({ events, storage })
    const old = receiver(url)
    endpoint = await webhooks.endpoints.create({ url, events: ['order.paid'] })
    changes = { headers: { 'x-new': 'yes' } }
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect(old.requests[0]?.headers['x-new']).toBe('yes')

    changes = { active: false, disabledAt: now(), disabledReason: 'manual' }
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await settle()
    expect(old.requests).toHaveLength(1)
    const [latest] = (await webhooks.deliveries.list()).items
    expect(latest).toMatchObject({ status: 'cancelled', cancelReason: 'endpoint_disabled' })
  })

  test('waits for the end of a pause that began before it was written', async () => {
    let endpointId = ''
    let pausedUntil: Date | null = null
    const { storage } = watched(async (stored) => {
      if (pausedUntil === null) return
      const health = { succeeded: true, failedAttempts: 0, failedAt: null, leaseTokens: [] }
      await stored.recordHealth({ changes: [{ ...health, endpointId, pausedUntil }] })
      pausedUntil = null
    })
    const { webhooks, requests, settle, advance, now } = createTestWebhooks({ events, storage })
    const created = await webhooks.endpoints.create({ url, events: ['order.paid'] })
    endpointId = created.id
    pausedUntil = new Date(now().getTime() + 60_000)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ seconds: 59 })
    expect(requests).toHaveLength(0)
    await advance({ seconds: 2 })
    expect(requests).toHaveLength(1)
  })

  test('keeps no retry waiting, however much of it there is', async () => {
    const { storage, claimed, leased } = watched()
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
    expect(leased.length).toBeGreaterThan(10 * claimed.length)
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
