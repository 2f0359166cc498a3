import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage } from '../../src/index.ts'
import { createTestWebhooks, events, expectVerified } from '../support.ts'

const hours = (count: number) => count * 3_600_000

describe('an emitted event', () => {
  test('reaches every subscribed endpoint, signed with its own secret', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    const all = receiver('https://all.example/hooks')
    const orders = receiver('https://orders.example/hooks')
    const users = receiver('https://users.example/hooks')
    const { secret: allSecret } = await webhooks.endpoints.create({ url: all.url, events: ['*'] })
    const { secret } = await webhooks.endpoints.create({ url: orders.url, events: ['order.*'] })
    await webhooks.endpoints.create({ url: users.url, events: ['user.created'] })

    const { id } = await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()

    expect([all, orders, users].map((each) => each.types)).toEqual([
      ['order.paid'],
      ['order.paid'],
      [],
    ])
    const [request] = orders.requests
    expect(request?.eventId).toBe(id)
    expect(request?.data).toEqual({ orderId: 'o1' })
    if (request) expectVerified(request, secret)
    if (all.requests[0]) expectVerified(all.requests[0], allSecret)
  })

  test('is sent with the headers of Standard Webhooks and custom ones, ours last', async () => {
    const { webhooks, receiver, settle, now } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    await webhooks.endpoints.create({
      url: shop.url,
      events: ['*'],
      headers: { 'X-Api-Key': 'secret' },
    })
    const { id } = await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    expect(shop.requests[0]?.headers).toEqual({
      'x-api-key': 'secret',
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'AINexLayer-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(now().getTime() / 1000),
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
    })
  })

  test('is not received by an endpoint created after it, nor by another tenant', async () => {
    const { webhooks, requests, settle } = createTestWebhooks({ events })
    await webhooks.endpoints.create({ url: 'https://b.example', events: ['*'], tenantId: 'b' })
    await webhooks.emit('order.paid', { orderId: 'o1' }, { tenantId: 'a' })
    await webhooks.endpoints.create({ url: 'https://a.example', events: ['*'], tenantId: 'a' })
    await settle()
    expect(requests).toEqual([])
  })

  test('reaches by its place among the others, also where they are fanned out together', async () => {
    const storage = memoryStorage()
    const emitting = createWebhooks({ events, storage })
    await emitting.emit('order.paid', { orderId: 'before' })
    const url = 'https://1.1.1.1/'
    const { secret } = await emitting.endpoints.create({ url, events: ['*'] })
    await emitting.emit('order.paid', { orderId: 'after' })
    const world = { events, storage, startAt: new Date() }
    const { webhooks, requests, settle } = createTestWebhooks(world)
    await settle()
    await webhooks.endpoints.create({ url, events: ['*'], secret })
    expect(requests.map(({ data }) => data)).toEqual([{ orderId: 'after' }])
  })

  test('carries the same id and the same bytes on every attempt, and a fresh timestamp', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    shop.answer(500, 'timeout', 'reset', 200)
    const { secret } = await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1', amount: 0.1 + 0.2 })
    await settle()
    await advance({ days: 1 })

    expect(shop.requests).toHaveLength(4)
    expect(new Set(shop.requests.map((request) => request.body)).size).toBe(1)
    expect(new Set(shop.requests.map((request) => request.eventId)).size).toBe(1)
    for (const request of shop.requests) {
      expectVerified(request, secret)
      expect(Number(request.headers['webhook-timestamp'])).toBe(
        Math.floor(request.at.getTime() / 1000),
      )
    }
  })
})

describe('a failing delivery', () => {
  test('is tried ten times over three days, each after its delay and jitter, and then failed', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events, disable: false })
    const shop = receiver('https://shop.example/hooks')
    shop.alwaysAnswer(500)
    await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ days: 6 })

    const at = shop.requests.map((request) => request.at.getTime())
    const waits = at.slice(1).map((instant, index) => instant - (at[index] ?? 0))
    const delays = [5_000, 300_000, 1_800_000, ...[2, 5, 10, 14, 20, 24].map(hours)]
    expect(waits).toHaveLength(delays.length)
    waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(delays[index] ?? 0)
      expect(wait).toBeLessThanOrEqual((delays[index] ?? 0) * 1.2 + 1)
    })
    const { items } = await webhooks.deliveries.list()
    expect(items).toMatchObject([{ status: 'failed', attempts: 10, nextAttemptAt: null }])
  })

  test('follows the schedule of its endpoint where there is one', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    shop.alwaysAnswer(500)
    const retry = { delaysMs: [1_000, 2_000, 3_000], jitter: 0 }
    await webhooks.endpoints.create({ url: shop.url, events: ['*'], retry })
    const { createdAt } = await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ hours: 1 })
    const waits = shop.requests.map((request) => request.at.getTime() - createdAt.getTime())
    expect(waits).toEqual([1_000, 3_000, 6_000])
  })

  test('waits for as long as the receiver asks, and never less', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 86_400 }), fc.nat(), async (seconds, seed) => {
        const { webhooks, receiver, settle, advance } = createTestWebhooks({ events, seed })
        const shop = receiver('https://shop.example/hooks')
        shop.answer({ status: 429, headers: { 'retry-after': String(seconds) } })
        await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
        await webhooks.emit('order.paid', { orderId: 'o1' })
        await settle()
        const [{ nextAttemptAt } = { nextAttemptAt: null }] = (await webhooks.deliveries.list())
          .items
        const promisedMs = Number(nextAttemptAt) - Number(shop.requests[0]?.at)
        expect(promisedMs).toBeGreaterThanOrEqual(seconds * 1000)
        await advance({ days: 2 })
        const [first, second] = shop.requests.map((request) => request.at.getTime())
        expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(seconds * 1000)
        await webhooks.stop()
      }),
      { numRuns: 50 },
    )
  })

  test('keeps its own state: one endpoint retries, the other got it long ago', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const good = receiver('https://good.example/hooks')
    const bad = receiver('https://bad.example/hooks')
    bad.answer(500, 500)
    await webhooks.endpoints.create({ url: good.url, events: ['*'] })
    await webhooks.endpoints.create({ url: bad.url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ hours: 1 })
    expect(good.requests).toHaveLength(1)
    expect(bad.requests).toHaveLength(3)
    const { items } = await webhooks.deliveries.list()
    expect(items.map(({ status, attempts }) => [status, attempts]).sort()).toEqual([
      ['succeeded', 1],
      ['succeeded', 3],
    ])
  })
})

describe('the answer of a receiver', () => {
  test.each([200, 201, 202, 204, 299])('%i is success', async (status) => {
    expect(await outcomeOf(status)).toMatchObject({ status: 'succeeded', lastError: null })
  })

  test.each([100, 300, 400, 401, 404, 418, 500, 501, 599])('%i is failure', async (status) => {
    expect(await outcomeOf(status)).toMatchObject({
      status: 'pending',
      attempts: 1,
      responseStatus: status,
    })
  })

  test.each([301, 302, 303, 307, 308])('%i is not followed', async (status) => {
    const { lastError } = await outcomeOf({
      status,
      headers: { location: 'https://elsewhere.example' },
    })
    expect(lastError).toMatchObject({ code: 'redirect', origin: 'receiver' })
  })

  async function outcomeOf(answer: Parameters<ReturnType<typeof answering>>[0]) {
    return answering()(answer)
  }

  function answering() {
    const { webhooks, receiver, settle, requests } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    return async (answer: Parameters<typeof shop.answer>[0]) => {
      shop.answer(answer)
      await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
      await webhooks.emit('order.paid', { orderId: 'o1' })
      await settle()
      expect(requests).toHaveLength(1)
      const { items } = await webhooks.deliveries.list()
      expect(items).toHaveLength(1)
      return items[0] as NonNullable<(typeof items)[0]>
    }
  }
})

describe('the log', () => {
  test('keeps every attempt with what was sent and answered, and no secret', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    shop.answer({ status: 503, body: 'over capacity', headers: { 'x-request-id': 'r1' } }, 200)
    const endpoint = await webhooks.endpoints.create({
      url: shop.url,
      events: ['*'],
      headers: { authorization: 'Bearer canary' },
    })
    const { id: eventId } = await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ minutes: 1 })

    const [delivery] = (await webhooks.deliveries.list({ eventId })).items
    const attempts = await webhooks.deliveries.attempts(delivery?.id ?? '')
    expect(attempts).toMatchObject([
      {
        number: 1,
        succeeded: false,
        endpointId: endpoint.id,
        eventId,
        url: shop.url,
        response: {
          status: 503,
          body: 'over capacity',
          headers: { 'x-request-id': 'r1' },
          bodyTruncated: false,
        },
        error: { code: 'http_status', origin: 'receiver' },
      },
      { number: 2, succeeded: true, response: { status: 200 }, error: null },
    ])
    expect(attempts[0]?.requestHeaders).toMatchObject({
      'webhook-id': eventId,
      'webhook-signature': '[redacted]',
      authorization: '[redacted]',
    })
    const log = JSON.stringify([attempts, delivery])
    expect(log).not.toContain('canary')
    expect(log).not.toContain(endpoint.secret)
  })
})
