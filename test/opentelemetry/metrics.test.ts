import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineEvents, memoryStorage, type Storage } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { namesIn, readDocument, tableUnder } from '../docs/markdown.ts'
import { findCanaries, textCanary } from '../secrets/canaries.ts'
import { type Sdk, startSdk } from './sdk.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const data = { orderId: 'o-17' }
const url = 'https://shop.example/hooks'
const system = { 'messaging.system': 'ainexlayer_webhooks' }
const paid = { 'messaging.destination.name': 'order.paid' }
const emit = { ...system, 'messaging.operation.name': 'emit', 'messaging.operation.type': 'create' }
const send = { ...system, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' }

let sdk: Sdk
beforeEach(() => {
  sdk = startSdk()
})
afterEach(() => sdk.stop())

async function createWorld(storage: Storage = memoryStorage()) {
  const telemetry = openTelemetry({ sendTraceparent: true })
  const world = createTestWebhooks({ events, storage, telemetry })
  const shop = world.receiver(url)
  const endpoint = await world.webhooks.endpoints.create({ url, events: ['*'] })
  await world.settle()
  return { ...world, shop, endpoint }
}

/** The points of a metric whose attributes have this one, by its value. */
async function byAttribute(name: string, attribute: string): Promise<Record<string, unknown>> {
  const points = await sdk.points(name)
  return Object.fromEntries(
    points.map(({ attributes, value }) => [
      (attributes as Record<string, string>)[attribute],
      value,
    ]),
  )
}

describe('what happens is counted', () => {
  test('emits and attempts, by event type and outcome, with how long they took', async () => {
    const { webhooks, shop, advance } = await createWorld()
    shop.answer({ status: 500, afterMs: 250 }, 'reset', { status: 204, afterMs: 1_500 })
    await webhooks.emit('order.paid', data)
    await webhooks.emit('order.paid', 'wrong' as never).catch(() => {})
    await advance({ days: 1 })

    expect(await sdk.points('ainexlayer.webhooks.emitted.events')).toEqual([
      { attributes: paid, value: 1 },
    ])
    const operations = await sdk.points('messaging.client.operation.duration')
    const one = (sum: unknown) => ({ count: 1, sum })
    const failed = { 'ainexlayer.webhooks.error.origin': 'receiver' }
    const attempted = [
      { ...failed, 'error.type': '500', 'http.response.status_code': 500 },
      { ...failed, 'error.type': 'connection_reset' },
      { 'http.response.status_code': 204 },
    ].map((outcome) => ({ ...send, ...paid, ...outcome }))
    expect(operations).toEqual([
      { attributes: { ...emit, ...paid }, value: one(expect.any(Number)) },
      {
        attributes: { ...emit, ...paid, 'error.type': 'invalid_payload' },
        value: one(expect.any(Number)),
      },
      { attributes: attempted[0], value: one(0.25) },
      { attributes: attempted[1], value: one(0) },
      { attributes: attempted[2], value: one(1.5) },
    ])
    expect(await sdk.points('messaging.client.sent.messages')).toEqual(
      attempted.map((attributes) => ({ attributes, value: 1 })),
    )
    const [latency] = await sdk.points('ainexlayer.webhooks.delivery.latency')
    expect(latency).toMatchObject({ attributes: paid, value: { count: 1 } })
    // The second attempt is due after 5 s, the third 5 min later, each with up to 20 % more.
    const sum = (latency?.value as { sum: number } | undefined)?.sum
    expect(sum).toBeGreaterThan(306)
    expect(sum).toBeLessThan(370)
  })

  test('deliveries that ended, by status, and endpoints that were switched off', async () => {
    const { webhooks, shop, settle, advance, endpoint } = await createWorld()
    await webhooks.emit('order.paid', data)
    await settle()
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', data)
    await advance({ days: 4 })
    await webhooks.emitMany([
      { type: 'order.paid', data },
      { type: 'order.paid', data },
    ])
    await settle()
    await webhooks.endpoints.disable(endpoint.id)
    const ended = 'ainexlayer.webhooks.completed.deliveries'
    expect(await byAttribute(ended, 'ainexlayer.webhooks.delivery.status')).toEqual({
      succeeded: 1,
      failed: 1,
      cancelled: 2,
    })
    const off = 'ainexlayer.webhooks.disabled.endpoints'
    expect(await byAttribute(off, 'ainexlayer.webhooks.disabled.reason')).toEqual({ manual: 1 })
  })

  test('faults of the storage, each try of it', async () => {
    const storage = memoryStorage()
    let failures = 3
    const failing: Storage = {
      ...storage,
      async insertEvents(params) {
        failures -= 1
        if (failures >= 0) throw new Error('connection lost')
        return storage.insertEvents(params)
      },
      async stats() {
        throw new Error('connection lost')
      },
    }
    const { webhooks, advance } = await createWorld(failing)
    const emitted = webhooks.emit('order.paid', data).catch((error) => error)
    await advance({ seconds: 1 })
    expect(await emitted).toMatchObject({ code: 'storage_failed' })
    await expect(webhooks.stats()).rejects.toThrow()
    const faults = 'ainexlayer.webhooks.storage.faults'
    expect(await byAttribute(faults, 'ainexlayer.webhooks.storage.method')).toEqual({
      insertEvents: 3,
      stats: 1,
    })
  })
})

describe('what waits is read from the storage', () => {
  const kind = 'ainexlayer.webhooks.backlog.kind'

  test('for each collection, at most every five seconds', async () => {
    const storage = memoryStorage()
    let reads = 0
    const counted: Storage = {
      ...storage,
      backlog: (params) => {
        reads += 1
        return storage.backlog(params)
      },
    }
    const { webhooks, shop, settle, advance } = await createWorld(counted)
    shop.alwaysAnswer(500)
    await webhooks.emit('order.paid', data)
    await settle()
    await advance({ seconds: 90 })
    expect(await byAttribute('ainexlayer.webhooks.backlog', kind)).toEqual({
      events: 0,
      deliveries: 1,
    })
    const ages = await byAttribute('ainexlayer.webhooks.backlog.oldest.age', kind)
    expect(ages).toEqual({ events: 0, deliveries: 90 })
    await advance({ seconds: 4 })
    await webhooks.health()
    expect(reads).toBe(1)
    await advance({ seconds: 1 })
    await sdk.metricNames()
    expect(reads).toBe(2)
  })

  test('endpoints of all tenants, by state', async () => {
    const { webhooks, receiver, settle, advance } = await createWorld()
    for (const [tenantId, status] of [
      ['a', 500],
      ['b', 503],
    ] as const) {
      const broken = receiver(`https://${tenantId}.example/hooks`)
      broken.alwaysAnswer(status)
      await webhooks.endpoints.create({ tenantId, url: broken.url, events: ['*'] })
      await webhooks.emit('order.paid', data, { tenantId })
    }
    await settle()
    const off = { url, events: ['*'], tenantId: 'c', active: false }
    await webhooks.endpoints.create(off)
    const states = () =>
      byAttribute('ainexlayer.webhooks.endpoints', 'ainexlayer.webhooks.endpoint.state')
    expect(await states()).toEqual({ healthy: 1, failing: 1, paused: 1, disabled: 1 })
    await advance({ hours: 1 })
    expect(await states()).toMatchObject({ healthy: 1, disabled: 1 })
  })

  test('no longer after a stop, and without an error while the storage is down', async () => {
    const storage = memoryStorage()
    let reads = 0
    const { webhooks, advance } = await createWorld({
      ...storage,
      async backlog() {
        reads += 1
        throw new Error('connection lost')
      },
    })
    await webhooks.emit('order.paid', data)
    // Errors of a callback would make the collection fail.
    expect(await sdk.points('ainexlayer.webhooks.emitted.events')).toHaveLength(1)
    expect(await sdk.points('ainexlayer.webhooks.backlog')).toEqual([])
    await webhooks.stop()
    await advance({ seconds: 10 })
    await sdk.metricNames()
    expect(reads).toBe(1)
  })
})

test('nothing that is exported is secret, and no metric names a tenant, an endpoint or a host', async () => {
  const texts = {
    'path of a URL': 'T0PSECRETPATH',
    'query of a URL': 'QUERYCANARY4711',
    'signing secret': 'whsec_Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZ',
    'header value': 'HEADERCANARY4711',
    payload: 'PAYLOADCANARY4711',
    'body of an answer': 'ANSWERCANARY4711',
    'idempotency key': 'KEYCANARY4711',
  }
  const canaries = Object.entries(texts).map(([name, text]) => textCanary(name, text))
  const storage = memoryStorage()
  const { webhooks, receiver, settle, advance } = createTestWebhooks({
    events,
    storage: {
      ...storage,
      async recordHealth(params) {
        await storage.recordHealth(params)
        throw new Error(`${texts['signing secret']} ${texts['header value']}`)
      },
    },
    telemetry: openTelemetry({ sendTraceparent: true }),
  })
  const secretUrl = `https://shop.example/${texts['path of a URL']}?key=${texts['query of a URL']}`
  receiver(secretUrl).answer({ status: 500, body: texts['body of an answer'] }, 'refused')
  const tenantId = 'tenant-of-the-test'
  const { id } = await webhooks.endpoints.create({
    ...{ tenantId, url: secretUrl, events: ['*'], secret: texts['signing secret'] },
    headers: { 'x-api-key': texts['header value'] },
  })
  const options = { tenantId, idempotencyKey: texts['idempotency key'] }
  await webhooks.emit('order.paid', { orderId: texts.payload }, options)
  await webhooks.emit('order.paid', { id: texts.payload } as never, options).catch(() => {})
  await settle()
  await advance({ days: 1 })
  await webhooks.endpoints.test(id, { tenantId })
  const told = await sdk.everything()
  expect(findCanaries(canaries, told)).toEqual([])
  expect(told).toContain(id)
  const [, measured] = JSON.parse(told) as [unknown, unknown]
  for (const text of [id, tenantId, 'shop.example', 'evt_']) {
    expect(JSON.stringify(measured)).not.toContain(text)
  }
})

test('the guide lists every metric that there is', async () => {
  const { webhooks, shop, endpoint, settle, advance } = await createWorld({
    ...memoryStorage(),
    async stats() {
      throw new Error('connection lost')
    },
  })
  shop.answer(200)
  await webhooks.emit('order.paid', data)
  await settle()
  await webhooks.stats().catch(() => {})
  await webhooks.endpoints.disable(endpoint.id)
  await advance({ seconds: 10 })
  const table = tableUnder(readDocument('docs/operations.md'), 'metrics')
  expect(namesIn(table, 'metric').sort()).toEqual(await sdk.metricNames())
})
