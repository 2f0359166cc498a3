import { expect, test } from 'vitest'
import { createApi } from './support.ts'

const url = 'https://shop.example/hooks'

/** Two deliveries: the first succeeded, the second failed for good. */
async function createLog() {
  const api = createApi()
  const shop = api.receiver(url)
  const endpoint = await api.create({ retry: { delaysMs: [0, 1_000] } })
  await api.webhooks.emit('order.paid', { orderId: '1' }, { tenantId: 'shop' })
  await api.settle()
  await api.advance({ minutes: 1 })
  shop.answer(500, 500)
  await api.webhooks.emit('user.created', { userId: 'u' }, { tenantId: 'shop' })
  await api.settle()
  await api.advance({ minutes: 1 })
  return { ...api, endpoint, shop, log: `/${endpoint.id}/deliveries` }
}

test('the log is filtered by status, type, event and time, and comes in pages', async () => {
  const { call, log } = await createLog()
  const all = await call('GET', log)
  expect(all.body).toMatchObject({ total: 2, page: 1, limit: 20, nextCursor: null })
  const [failed, succeeded] = all.body.items
  expect([failed.status, succeeded.status]).toEqual(['failed', 'succeeded'])
  const found = async (query: string) =>
    (await call('GET', `${log}?${query}`)).body.items.map(({ id }: { id: string }) => id)
  expect(await found('status=failed')).toEqual([failed.id])
  expect(await found('status=pending')).toEqual([])
  expect(await found('type=order.paid')).toEqual([succeeded.id])
  expect(await found(`eventId=${failed.eventId}`)).toEqual([failed.id])
  expect(await found(`since=${failed.createdAt}`)).toEqual([failed.id])
  expect(await found(`until=${failed.createdAt}`)).toEqual([succeeded.id])
  expect(await found('since=2026-01-01T01:00:00%2B01:00&limit=1&page=2')).toEqual([succeeded.id])
  const first = await call('GET', `${log}?limit=1`)
  expect(await found(`limit=1&cursor=${first.body.nextCursor}`)).toEqual([succeeded.id])
})

test('one delivery is read with its event and each attempt', async () => {
  const { call, log } = await createLog()
  const [failed] = (await call('GET', `${log}?status=failed`)).body.items
  const { body } = await call('GET', `${log}/${failed.id}`)
  expect(body.delivery).toEqual(failed)
  expect(JSON.parse(body.event.body)).toMatchObject({ type: 'user.created', data: { userId: 'u' } })
  expect(body.attempts).toMatchObject([
    { number: 1, succeeded: false, response: { status: 500 } },
    { number: 2, succeeded: false, response: { status: 500 } },
  ])
})

test('a failed delivery is retried and succeeds', async () => {
  const { call, log, settle } = await createLog()
  const [failed] = (await call('GET', `${log}?status=failed`)).body.items
  const retried = await call('POST', `${log}/${failed.id}/retry`)
  expect(retried).toMatchObject({ status: 200, body: { id: failed.id, status: 'pending' } })
  await settle()
  const { body } = await call('GET', `${log}/${failed.id}`)
  expect(body.delivery).toMatchObject({ status: 'succeeded', attempts: 3 })
})

test('a pending delivery is called off, once', async () => {
  const { call, log, shop, webhooks, settle } = await createLog()
  shop.answer(500)
  await webhooks.emit('order.paid', { orderId: '2' }, { tenantId: 'shop' })
  await settle()
  const [pending] = (await call('GET', `${log}?status=pending`)).body.items
  const path = `${log}/${pending.id}/cancel`
  expect((await call('POST', path)).body).toMatchObject({
    status: 'cancelled',
    cancelReason: 'manual',
  })
  expect(await call('POST', path)).toMatchObject({ status: 409, body: { code: 'conflict' } })
})

test('a delivery exists under its own endpoint only', async () => {
  const { call, create, log } = await createLog()
  const other = await create({ url: 'https://other.example/' })
  const [failed] = (await call('GET', `${log}?status=failed`)).body.items
  const elsewhere = `/${other.id}/deliveries/${failed.id}`
  expect((await call('GET', elsewhere)).body.code).toBe('delivery_not_found')
  expect((await call('POST', `${elsewhere}/retry`)).body.code).toBe('delivery_not_found')
  expect((await call('POST', `${elsewhere}/cancel`)).body.code).toBe('delivery_not_found')
})

test('the log of a deleted endpoint can still be read, one by one', async () => {
  const { call, endpoint, log } = await createLog()
  const [failed] = (await call('GET', log)).body.items
  await call('DELETE', `/${endpoint.id}`)
  expect((await call('GET', `${log}/${failed.id}`)).status).toBe(200)
})

test('recovery counts first, and then sends', async () => {
  const { call, endpoint, settle, shop } = await createLog()
  const path = `/${endpoint.id}/recover`
  const since = '2026-01-01T00:00:00Z'
  const before = shop.types.length
  const counted = await call('POST', path, { body: { since, dryRun: true, only: 'all' } })
  expect(counted.body).toEqual({ failed: 1, missing: 0, dryRun: true })
  await settle()
  expect(shop.types.length).toBe(before)
  const done = await call('POST', path, { body: { since } })
  expect(done.body).toEqual({ failed: 1, missing: 0, dryRun: false })
  await settle()
  expect(shop.types.slice(before)).toEqual(['user.created'])
  await call('POST', `/${endpoint.id}/disable`)
  expect((await call('POST', path, { body: { since } })).body.code).toBe('conflict')
  const empty = { since, until: since }
  expect((await call('POST', path, { body: empty })).body.code).toBe('invalid_option')
})

test('figures tell of the tenant and of one endpoint', async () => {
  const { call, create, endpoint } = await createLog()
  const other = await create({ url: 'https://other.example/' })
  const figures = { attempts: { succeeded: 1, failed: 2 }, deliveries: { failed: 1, succeeded: 1 } }
  expect((await call('GET', '/stats')).body).toMatchObject(figures)
  expect((await call('GET', `/${endpoint.id}/stats`)).body).toMatchObject(figures)
  expect((await call('GET', `/${other.id}/stats`)).body).toMatchObject({ successRate: null })
  const since = '2026-01-01T00:02:00.000Z'
  expect((await call('GET', `/stats?since=${since}`)).body).toMatchObject({
    since,
    successRate: null,
  })
})

test('event types come with their JSON Schemas', async () => {
  const { call } = createApi()
  const { body } = await call('GET', '/event-types')
  expect(body.items.map(({ name }: { name: string }) => name)).toEqual([
    'order.paid',
    'order.refund.issued',
    'user.created',
  ])
  expect((await call('GET', '/event-types/order.paid')).body).toEqual(body.items[0])
  expect(body.items[0].schema).toMatchObject({ type: 'object', required: ['orderId'] })
  expect((await call('GET', '/event-types/order.lost')).body.code).toBe('unknown_event')
})
