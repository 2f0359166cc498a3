import { describe, expect, test } from 'vitest'
import { memoryStorage, type Storage, type TenantWebhooks } from '../../src/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** Two tenants, each with an endpoint, an event and a delivery. */
async function createTwoTenants(storage: Storage = memoryStorage()) {
  const encryption = { keys: [new Uint8Array(32)] }
  const world = createTestWebhooks({ events, storage, encryption })
  const { webhooks, settle, receiver } = world
  async function fill(tenantId: string) {
    const tenantUrl = `https://${tenantId}.example/`
    receiver(tenantUrl).answer(500)
    const endpoint = await webhooks.endpoints.create({ tenantId, url: tenantUrl, events: ['*'] })
    const event = await webhooks.emit('order.paid', { orderId: tenantId }, { tenantId })
    await settle()
    const [delivery] = (await webhooks.deliveries.list({ tenantId })).items
    return { endpointId: endpoint.id, eventId: event.id, deliveryId: delivery?.id ?? '' }
  }
  return { ...world, mine: await fill('mine'), theirs: await fill('theirs') }
}

type Face = TenantWebhooks<typeof events>
type Theirs = Awaited<ReturnType<typeof createTwoTenants>>['theirs']

/**
 * Every method of a face, called with the ids of another tenant, or for another one by name, and
 * what must come of it where the ids are the other's.
 */
function crossedCalls(face: Face, theirs: Theirs, tenantId: string | undefined) {
  const { endpointId, eventId, deliveryId } = theirs
  const whose = tenantId === undefined ? {} : { tenantId }
  const since = new Date(0)
  const noEndpoint = 'endpoint_not_found'
  const noDelivery = 'delivery_not_found'
  const calls: Record<string, [unknown, () => unknown]> = {
    'endpoints.get': [noEndpoint, () => face.endpoints.get(endpointId, whose)],
    'endpoints.update': [
      noEndpoint,
      () => face.endpoints.update(endpointId, { headers: { 'x-a': 'mine now' } }, whose),
    ],
    'endpoints.delete': [noEndpoint, () => face.endpoints.delete(endpointId, whose)],
    'endpoints.enable': [noEndpoint, () => face.endpoints.enable(endpointId, whose)],
    'endpoints.disable': [noEndpoint, () => face.endpoints.disable(endpointId, whose)],
    'endpoints.rotateSecret': [noEndpoint, () => face.endpoints.rotateSecret(endpointId, whose)],
    'endpoints.test': [noEndpoint, () => face.endpoints.test(endpointId, whose)],
    'endpoints.list': [
      { total: 1 },
      async () => ({ total: (await face.endpoints.list(whose)).total }),
    ],
    'endpoints.reencrypt': [{ changed: 0, unreadable: [] }, () => face.endpoints.reencrypt(whose)],
    recover: [noEndpoint, () => face.recover({ endpointId, since, only: 'all', ...whose })],
    'deliveries.get': [noDelivery, () => face.deliveries.get(deliveryId, whose)],
    'deliveries.attempts': [noDelivery, () => face.deliveries.attempts(deliveryId, whose)],
    'deliveries.retry': [noDelivery, () => face.deliveries.retry(deliveryId, whose)],
    'deliveries.cancel': [noDelivery, () => face.deliveries.cancel(deliveryId, whose)],
    'deliveries.list': [
      { items: [], total: 0 },
      async () => {
        const { items, total } = await face.deliveries.list({ endpointId, ...whose })
        return { items, total }
      },
    ],
    'events.get': ['event_not_found', () => face.events.get(eventId, whose)],
    'events.list': [{ total: 1 }, async () => ({ total: (await face.events.list(whose)).total })],
    stats: [
      { attempts: { succeeded: 0, failed: 0 }, backlog: 0 },
      async () => {
        const { attempts, backlog } = await face.stats({ endpointId, since, ...whose })
        return { attempts, backlog }
      },
    ],
    explain: [
      ['mine'],
      async () => {
        const explanations = await face.explain('order.paid', { orderId: 'x' }, whose)
        return explanations.map(({ endpoint }) => endpoint.tenantId)
      },
    ],
  }
  const methods = (['endpoints', 'deliveries', 'events'] as const).flatMap((part) =>
    Object.keys(face[part]).map((name) => `${part}.${name}`),
  )
  const named = Object.keys(calls)
  // `create` makes something new of the tenant that is named; the others are about what is there.
  expect(methods.filter((name) => !named.includes(name))).toEqual(['endpoints.create'])
  if (tenantId !== 'theirs') return calls
  const input = { url, events: ['*'], ...whose }
  const emitted = [{ type: 'order.paid' as const, data: { orderId: 'x' }, ...whose }]
  return {
    ...calls,
    'endpoints.create': [null, () => face.endpoints.create(input)],
    emit: [null, () => face.emit('order.paid', { orderId: 'x' }, whose)],
    emitMany: [null, () => face.emitMany(emitted)],
  } satisfies typeof calls
}

/** What a call returns, or the code of the error that it throws. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}

/** The storages that hold the tenants apart, each in its own way. */
const storages: [string, () => Storage][] = [
  ['memory', memoryStorage],
  ['SQLite', () => sqliteStorage({ path: ':memory:' }) as Storage],
]

describe.each(storages)('a face bound to a tenant, over %s', (_, createStorage) => {
  test('does everything for its own', async () => {
    const { webhooks, mine, settle } = await createTwoTenants(createStorage())
    const face = webhooks.forTenant('mine')
    expect((await face.endpoints.get(mine.endpointId)).tenantId).toBe('mine')
    expect((await face.deliveries.list()).items.map(({ id }) => id)).toEqual([mine.deliveryId])
    expect((await face.events.list()).items.map(({ id }) => id)).toEqual([mine.eventId])
    await face.emit('order.paid', { orderId: 'second' })
    await settle()
    expect((await face.deliveries.list()).total).toBe(2)
    expect((await face.stats()).attempts).toEqual({ succeeded: 1, failed: 1 })
    const created = await face.endpoints.create({ url, events: ['*'] })
    expect(created.tenantId).toBe('mine')
  })

  test('cannot see, change or send anything of another', async () => {
    const { webhooks, theirs, requests, settle, now } = await createTwoTenants(createStorage())
    const face = webhooks.forTenant('mine')
    const { endpointId, eventId } = theirs
    // Named by their methods, so that a new one without a line here is noticed below.
    const calls = crossedCalls(face, theirs, undefined)
    const before = await webhooks.endpoints.get(endpointId, { tenantId: 'theirs' })
    const sent = requests.length
    for (const [name, [expected, call]] of Object.entries(calls)) {
      expect(await outcomeOf(call), name).toEqual(expected)
    }
    expect((await face.deliveries.list({ eventId })).items).toEqual([])
    expect((await face.explain('order.paid', { orderId: 'x' })).length).toBe(1)
    await settle()
    expect(requests).toHaveLength(sent)
    expect(await webhooks.endpoints.get(endpointId, { tenantId: 'theirs' })).toEqual(before)
    expect(now()).toBeInstanceOf(Date)
  })

  test('takes no other tenant by name, in any call', async () => {
    const { webhooks, theirs, requests } = await createTwoTenants(createStorage())
    const face = webhooks.forTenant('mine')
    const sent = requests.length
    for (const [name, [, call]] of Object.entries(crossedCalls(face, theirs, 'theirs'))) {
      expect(await outcomeOf(call), name).toBe('invalid_option')
    }
    expect(requests).toHaveLength(sent)
  })

  test('the common face keeps tenants apart as well, by the name in each call', async () => {
    const { webhooks, theirs, requests } = await createTwoTenants(createStorage())
    const sent = requests.length
    for (const [name, [expected, call]] of Object.entries(crossedCalls(webhooks, theirs, 'mine'))) {
      expect(await outcomeOf(call), name).toEqual(expected)
    }
    expect(requests).toHaveLength(sent)
  })

  test('a cursor of another tenant leads to nothing of it', async () => {
    const { webhooks, settle } = await createTwoTenants(createStorage())
    const theirs = webhooks.forTenant('theirs')
    for (let count = 0; count < 3; count++) {
      await webhooks.endpoints.create({ tenantId: 'theirs', url, events: ['*'] })
      await theirs.emit('order.paid', { orderId: 'x' })
    }
    await settle()
    const mine = webhooks.forTenant('mine')
    for (const part of ['endpoints', 'events', 'deliveries'] as const) {
      const { nextCursor } = await theirs[part].list({ limit: 1 })
      const page = await mine[part].list({ cursor: nextCursor ?? 'none' })
      expect(page.items.map(({ tenantId }) => tenantId).filter((id) => id !== 'mine')).toEqual([])
    }
  })

  test('hears of its own alone', async () => {
    const { webhooks, settle } = await createTwoTenants(createStorage())
    const heard: string[] = []
    webhooks.forTenant('mine').on('delivery.succeeded', ({ tenantId }) => heard.push(tenantId))
    await webhooks.emit('order.paid', { orderId: 'a' }, { tenantId: 'theirs' })
    await webhooks.emit('order.paid', { orderId: 'b' }, { tenantId: 'mine' })
    await settle()
    expect(heard).toEqual(['mine'])
  })

  test.each(['', 'x'.repeat(257), null, 7])('refuses %j for a tenant', (tenantId) => {
    const { webhooks } = createTestWebhooks({ events })
    expect(() => webhooks.forTenant(tenantId as string)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })

  test('goes by the name "default" for a host with one tenant', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    expect((await webhooks.forTenant('default').endpoints.get(id)).id).toBe(id)
  })
})
