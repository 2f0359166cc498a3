import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** Two tenants, each with an endpoint, an event and a delivery. */
async function createTwoTenants() {
  const world = createTestWebhooks({ events })
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

describe('a face bound to a tenant', () => {
  test('does everything for its own', async () => {
    const { webhooks, mine, settle } = await createTwoTenants()
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
    const { webhooks, theirs, requests, settle, now } = await createTwoTenants()
    const face = webhooks.forTenant('mine')
    const { endpointId, eventId, deliveryId } = theirs
    const since = new Date(0)
    const calls = {
      endpoint_not_found: [
        () => face.endpoints.get(endpointId),
        () => face.endpoints.update(endpointId, { description: 'mine now' }),
        () => face.endpoints.delete(endpointId),
        () => face.endpoints.enable(endpointId),
        () => face.endpoints.disable(endpointId),
        () => face.endpoints.rotateSecret(endpointId),
        () => face.endpoints.test(endpointId),
        () => face.recover({ endpointId, since, only: 'all' }),
      ],
      delivery_not_found: [
        () => face.deliveries.get(deliveryId),
        () => face.deliveries.attempts(deliveryId),
        () => face.deliveries.retry(deliveryId),
        () => face.deliveries.cancel(deliveryId),
      ],
      event_not_found: [() => face.events.get(eventId)],
      invalid_option: [
        () => face.endpoints.list({ tenantId: 'theirs' }),
        () => face.emit('order.paid', { orderId: 'x' }, { tenantId: 'theirs' }),
        () => face.stats({ tenantId: 'theirs' }),
        () => face.emitMany([{ type: 'order.paid', data: { orderId: 'x' }, tenantId: 'theirs' }]),
      ],
    }
    const before = await webhooks.endpoints.get(endpointId, { tenantId: 'theirs' })
    const sent = requests.length
    for (const [code, attempts] of Object.entries(calls)) {
      for (const call of attempts) await expect(call()).rejects.toMatchObject({ code })
    }
    expect((await face.deliveries.list({ endpointId })).items).toEqual([])
    expect((await face.deliveries.list({ eventId })).items).toEqual([])
    expect((await face.stats({ endpointId })).backlog).toBe(0)
    expect((await face.explain('order.paid', { orderId: 'x' })).length).toBe(1)
    await settle()
    expect(requests).toHaveLength(sent)
    expect(await webhooks.endpoints.get(endpointId, { tenantId: 'theirs' })).toEqual(before)
    expect(now()).toBeInstanceOf(Date)
  })

  test('hears of its own alone', async () => {
    const { webhooks, settle } = await createTwoTenants()
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
