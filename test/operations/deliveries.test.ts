import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'
const retry = { delaysMs: [0, 60_000], jitter: 0 }

async function createWorld() {
  const world = createTestWebhooks({ events, retry })
  const endpoint = await world.webhooks.endpoints.create({ url, events: ['*'] })
  const shop = world.receiver(url)
  return {
    ...world,
    shop,
    endpoint,
    async deliver(orderId = 'o1') {
      await world.webhooks.emit('order.paid', { orderId })
      await world.settle()
      // By then it is stored, whether or not there is an answer.
      await world.advance({ seconds: 1 })
      const [delivery] = (await world.webhooks.deliveries.list({ limit: 1 })).items
      return delivery?.id ?? ''
    },
  }
}

describe('deliveries', () => {
  test('are found by endpoint, event, type, status and time', async () => {
    const { webhooks, shop, endpoint, deliver, advance, now } = await createWorld()
    shop.answer(500)
    await deliver('failing')
    const start = now()
    await advance({ seconds: 1 })
    const { id: eventId } = await webhooks.emit('user.created', { userId: 'u1' })
    await advance({ seconds: 1 })
    const count = async (options: Parameters<typeof webhooks.deliveries.list>[0]) =>
      (await webhooks.deliveries.list(options)).total
    expect(await count({})).toBe(2)
    expect(await count({ endpointId: endpoint.id })).toBe(2)
    expect(await count({ endpointId: 'ep_other' })).toBe(0)
    expect(await count({ eventId })).toBe(1)
    expect(await count({ type: 'order.paid' })).toBe(1)
    expect(await count({ status: 'pending' })).toBe(1)
    expect(await count({ status: 'succeeded' })).toBe(1)
    expect(await count({ until: new Date(start.getTime() + 1) })).toBe(1)
    expect(await count({ since: new Date(start.getTime() + 1) })).toBe(1)
    expect(await count({ status: 'succeeded', type: 'order.paid' })).toBe(0)
  })

  test('that failed start their schedule anew by retry', async () => {
    const { webhooks, shop, deliver, settle, advance } = await createWorld()
    shop.answer(500, 500, 500)
    const id = await deliver()
    await advance({ minutes: 1 })
    expect(await webhooks.deliveries.get(id)).toMatchObject({ status: 'failed', attempts: 2 })
    expect(await webhooks.deliveries.retry(id)).toMatchObject({ status: 'pending' })
    await settle()
    await advance({ minutes: 1 })
    expect(await webhooks.deliveries.get(id)).toMatchObject({ status: 'succeeded', attempts: 4 })
    const attempts = await webhooks.deliveries.attempts(id)
    expect(attempts.map(({ number, succeeded }) => [number, succeeded])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ])
  })

  test('that succeeded can be sent again, with the same id', async () => {
    const { webhooks, shop, deliver, settle } = await createWorld()
    const id = await deliver()
    await webhooks.deliveries.retry(id)
    await settle()
    expect(shop.requests).toHaveLength(2)
    expect(shop.requests[1]?.eventId).toBe(shop.requests[0]?.eventId)
  })

  test('that wait go ahead of their time by retry', async () => {
    const { webhooks, shop, deliver, settle } = await createWorld()
    shop.answer(500)
    const id = await deliver()
    await webhooks.deliveries.retry(id)
    await settle()
    expect(await webhooks.deliveries.get(id)).toMatchObject({ status: 'succeeded', attempts: 2 })
  })

  test('under way cannot be retried as well', async () => {
    const { webhooks, shop, deliver } = await createWorld()
    shop.answer('timeout')
    const id = await deliver()
    await expect(webhooks.deliveries.retry(id)).rejects.toMatchObject({ code: 'conflict' })
    expect(shop.requests).toHaveLength(1)
  })

  test('that are cancelled are not sent any more', async () => {
    const { webhooks, shop, deliver, advance } = await createWorld()
    shop.answer(500)
    const id = await deliver()
    expect(await webhooks.deliveries.cancel(id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'manual',
      nextAttemptAt: null,
    })
    await advance({ days: 1 })
    expect(shop.requests).toHaveLength(1)
    await expect(webhooks.deliveries.cancel(id)).rejects.toMatchObject({ code: 'conflict' })
  })

  test.each([
    [200, 'succeeded'],
    [500, 'cancelled'],
  ])('cancelled while %i is on its way end as %s, on record', async (status, end) => {
    const { webhooks, shop, deliver, advance } = await createWorld()
    shop.answer({ status, afterMs: 10_000 })
    const id = await deliver()
    await webhooks.deliveries.cancel(id)
    await advance({ days: 1 })
    expect(shop.requests).toHaveLength(1)
    expect(await webhooks.deliveries.get(id)).toMatchObject({ status: end, attempts: 1 })
    expect(await webhooks.deliveries.attempts(id)).toMatchObject([{ response: { status } }])
  })

  test.each(['get', 'attempts', 'retry', 'cancel'] as const)(
    '%s of an unknown id says so',
    async (method) => {
      const { webhooks } = await createWorld()
      await expect(webhooks.deliveries[method]('dlv_nowhere')).rejects.toMatchObject({
        code: 'delivery_not_found',
      })
    },
  )

  test.each([{ status: 'done' }, { since: 'yesterday' }, { until: new Date(Number.NaN) }])(
    'a list with %j is refused',
    async (options) => {
      const { webhooks } = await createWorld()
      await expect(webhooks.deliveries.list(options as never)).rejects.toMatchObject({
        code: 'invalid_option',
      })
    },
  )
})

describe('events', () => {
  test('are listed and found, with the text that is sent', async () => {
    const { webhooks, shop, deliver } = await createWorld()
    await deliver()
    const { items } = await webhooks.events.list({ type: 'order.paid' })
    expect(items[0]?.body).toBe(shop.requests[0]?.body)
    expect(await webhooks.events.get(items[0]?.id ?? '')).toEqual(items[0])
    expect((await webhooks.events.list({ type: 'user.created' })).items).toEqual([])
    await expect(webhooks.events.get('evt_nowhere')).rejects.toMatchObject({
      code: 'event_not_found',
    })
  })
})

describe('notifications', () => {
  test('tell how each delivery goes', async () => {
    const { webhooks, shop, deliver, advance } = await createWorld()
    const heard: string[] = []
    for (const name of [
      'delivery.succeeded',
      'delivery.attempt.failed',
      'delivery.failed',
    ] as const) {
      webhooks.on(name, ({ delivery, attempt }) =>
        heard.push(`${name} ${delivery.status} ${attempt.number}`),
      )
    }
    await deliver()
    shop.answer(500, 500)
    await deliver()
    await advance({ minutes: 1 })
    expect(heard).toEqual([
      'delivery.succeeded succeeded 1',
      'delivery.attempt.failed pending 1',
      'delivery.attempt.failed failed 2',
      'delivery.failed failed 2',
    ])
  })

  test('end when the listener is taken off', async () => {
    const { webhooks, deliver } = await createWorld()
    const heard: string[] = []
    const off = webhooks.on('delivery.succeeded', ({ delivery }) => heard.push(delivery.id))
    await deliver()
    off()
    await deliver()
    expect(heard).toHaveLength(1)
  })
})
