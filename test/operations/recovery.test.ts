import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

type Endpoints = Pick<ReturnType<typeof createTestWebhooks<typeof events>>['webhooks'], 'endpoints'>

async function createOutage() {
  const world = createTestWebhooks({ events, retry: { delaysMs: [0], jitter: 0 } })
  const { webhooks, receiver, settle, advance, now } = world
  const shop = receiver(url)
  const since = now()
  // Before the endpoint existed.
  await webhooks.emit('order.paid', { orderId: 'early' })
  await settle()
  const { id } = await webhooks.endpoints.create({ url, events: ['order.*'] })
  await webhooks.emit('order.paid', { orderId: 'fine' })
  await settle()
  shop.answer(500, 500)
  await webhooks.emit('order.paid', { orderId: 'failed1' })
  await webhooks.emit('order.paid', { orderId: 'failed2' })
  await settle()
  await webhooks.endpoints.disable(id)
  await advance({ seconds: 1 })
  await webhooks.emit('order.paid', { orderId: 'missed' })
  await webhooks.emit('user.created', { userId: 'not subscribed' })
  await settle()
  await webhooks.endpoints.enable(id)
  await advance({ seconds: 1 })
  const got = () => shop.requests.map(({ data }) => (data as { orderId: string }).orderId)
  return { ...world, shop, id, since, got }
}

describe('recover', () => {
  test.each([
    ['failed', { failed: 2, missing: 0 }, ['failed2', 'failed1']],
    ['missing', { failed: 0, missing: 2 }, ['early', 'missed']],
    ['all', { failed: 2, missing: 2 }, ['failed2', 'failed1', 'early', 'missed']],
  ] as const)('%s counts first and then sends', async (only, counts, orders) => {
    const { webhooks, id, since, settle, shop, got } = await createOutage()
    const before = shop.requests.length
    const options = { endpointId: id, since, only }
    expect(await webhooks.recover({ ...options, dryRun: true })).toEqual({
      ...counts,
      dryRun: true,
    })
    await settle()
    expect(shop.requests).toHaveLength(before)

    expect(await webhooks.recover(options)).toEqual({ ...counts, dryRun: false })
    await settle()
    expect(got().slice(before).sort()).toEqual([...orders].sort())
    expect(await webhooks.recover(options)).toEqual({ failed: 0, missing: 0, dryRun: false })
  })

  test.each([
    [
      'switched off and on again',
      async ({ endpoints }: Endpoints, id: string) => {
        await endpoints.disable(id)
        await endpoints.enable(id)
      },
    ],
    [
      'subscribed to something else',
      async ({ endpoints }: Endpoints, id: string) => {
        await endpoints.update(id, { events: ['user.*'] })
      },
    ],
  ])('finds what came just before an endpoint was %s', async (_, change) => {
    const { webhooks, receiver, settle, advance, now } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['order.*'] })
    const since = now()
    // The change is in time before the fan-out, and what is fanned out knows only the newer state.
    await webhooks.emit('order.paid', { orderId: 'between' })
    await change(webhooks, id)
    await settle()
    await advance({ seconds: 1 })
    expect(shop.requests).toEqual([])
    await webhooks.endpoints.update(id, { events: ['order.*'] })
    const missing = { endpointId: id, since, only: 'missing' } as const
    expect(await webhooks.recover(missing)).toMatchObject({ missing: 1 })
    await settle()
    expect(shop.requests.map(({ data }) => data)).toEqual([{ orderId: 'between' }])
  })

  test('keeps to its span of time', async () => {
    const { webhooks, id, since, now } = await createOutage()
    const result = await webhooks.recover({
      endpointId: id,
      since: now(),
      until: new Date(now().getTime() + 1),
    })
    expect(result).toEqual({ failed: 0, missing: 0, dryRun: false })
    expect(since < now()).toBe(true)
  })

  test('refuses what makes no sense', async () => {
    const { webhooks, id, since, now } = await createOutage()
    const refused = (options: object, code: string) =>
      expect(webhooks.recover({ endpointId: id, since, ...options })).rejects.toMatchObject({
        code,
      })
    await refused({ endpointId: 'ep_nowhere' }, 'endpoint_not_found')
    await refused({ only: 'some' }, 'invalid_option')
    await refused({ since: now(), until: since }, 'invalid_option')
    await refused({ since: 'yesterday' }, 'invalid_option')
    await webhooks.endpoints.disable(id)
    await refused({}, 'conflict')
  })
})

describe('explain', () => {
  test('names the rule for every endpoint', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const create = (input: object) =>
      webhooks.endpoints.create({ url, events: ['order.*'], ...input })
    await create({ description: 'plain' })
    await create({ description: 'off', active: false })
    await create({ description: 'other', events: ['user.created'] })
    await create({ description: 'eu', channels: ['eu'] })
    await create({ description: 'large', filter: { path: 'amount', greaterThan: 10 } })
    const explained = await webhooks.explain('order.paid', { orderId: 'o1', amount: 5 })
    const byName = Object.fromEntries(
      explained.map(({ endpoint, receives, rule }) => [endpoint.description, [receives, rule]]),
    )
    expect(byName).toEqual({
      plain: [true, 'pattern order.*'],
      off: [false, 'inactive'],
      other: [false, 'no pattern matches'],
      eu: [false, 'no channel in common'],
      large: [false, 'filter does not match'],
    })
    expect((await webhooks.events.list()).total).toBe(0)
  })
})

describe('stats', () => {
  test('tell success rate, latency, backlog and age', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    shop.answer({ status: 200, afterMs: 100 }, { status: 200, afterMs: 300 }, 500)
    for (let n = 0; n < 3; n++) {
      await webhooks.emit('order.paid', { orderId: `o${n}` })
      await advance({ seconds: 1 })
    }
    for (const stats of [await webhooks.stats(), await webhooks.stats({ endpointId: id })]) {
      expect(stats).toMatchObject({
        deliveries: { pending: 1, succeeded: 2, failed: 0, cancelled: 0 },
        attempts: { succeeded: 2, failed: 1 },
        successRate: 2 / 3,
        backlog: 1,
        oldestPendingAgeMs: 1_000,
      })
      expect(stats.durationMs.p50).toBeGreaterThanOrEqual(100)
      expect(stats.durationMs.p99).toBe(300)
    }
    await settle()
    expect(await webhooks.stats({ tenantId: 'nobody' })).toMatchObject({
      successRate: null,
      backlog: 0,
      oldestPendingAgeMs: null,
      durationMs: { p50: null },
    })
  })
})

describe('prune', () => {
  test('deletes what ended, and never what waits', async () => {
    const { webhooks, receiver, settle, advance, now } = createTestWebhooks({ events })
    const shop = receiver(url)
    await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.emitMany(
      Array.from({ length: 2_500 }, (_, n) => ({
        type: 'order.paid' as const,
        data: { orderId: `o${n}` },
      })),
    )
    await settle()
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', { orderId: 'waiting' })
    await settle()
    await advance({ seconds: 1 })
    expect(await webhooks.prune({ before: now() })).toEqual({ deliveries: 2_500, events: 2_500 })
    const { items } = await webhooks.deliveries.list()
    expect(items).toMatchObject([{ status: 'pending', attempts: 1 }])
    expect((await webhooks.events.list()).total).toBe(1)
    await expect(webhooks.prune({ before: 'now' } as never)).rejects.toMatchObject({
      code: 'invalid_option',
    })
  })
})
