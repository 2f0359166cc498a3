import { context, INVALID_SPAN_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { createWebhooks, defineEvents, memoryStorage, type Storage } from '../../src/index.ts'
import { type OpenTelemetryOptions, openTelemetry } from '../../src/opentelemetry/index.ts'
import { formatTraceparent, parseTraceparent } from '../../src/opentelemetry/traceparent.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { type Sdk, startSdk } from './sdk.ts'

const events = defineEvents({
  'order.paid': z.object({ orderId: z.string() }),
  'order.refunded': z.object({ orderId: z.string() }),
})
const data = { orderId: 'o-17' }
const url = 'https://shop.example/hooks/T0PSECRET?key=hidden'

let sdk: Sdk
beforeEach(() => {
  sdk = startSdk()
})
afterEach(() => sdk.stop())

/** An instance that follows by the global SDK, with one endpoint, and its storage. */
async function createWorld(options: OpenTelemetryOptions = {}, storage = memoryStorage()) {
  const world = createTestWebhooks({ events, storage, telemetry: openTelemetry(options) })
  const shop = world.receiver(url)
  const endpoint = await world.webhooks.endpoints.create({ url, events: ['*'] })
  await world.settle()
  return { ...world, storage, shop, endpoint }
}

const emits = () => sdk.spans().filter(({ name }) => name.startsWith('emit'))
const attempts = () => sdk.spans().filter(({ name }) => name.startsWith('send'))

async function storedTraceparent(storage: Storage, id: string): Promise<string | null> {
  const [event] = await storage.getEvents({ tenantId: 'default', ids: [id] })
  return event?.traceparent ?? null
}

describe('an emit', () => {
  test('is a span within what the caller does, and its context is stored with the event', async () => {
    const { webhooks, storage } = await createWorld()
    const tracer = trace.getTracer('host')
    const { host, id } = await tracer.startActiveSpan('checkout', async (span) => {
      const { id } = await webhooks.emit('order.paid', data)
      span.end()
      return { host: span.spanContext(), id }
    })
    const [emit] = emits()
    expect(emit).toMatchObject({
      name: 'emit order.paid',
      kind: SpanKind.PRODUCER,
      parentSpanContext: { spanId: host.spanId, traceId: host.traceId },
      attributes: {
        'messaging.system': 'ainexlayer_webhooks',
        'messaging.operation.name': 'emit',
        'messaging.operation.type': 'create',
        'messaging.destination.name': 'order.paid',
      },
    })
    const { traceId, spanId } = emit?.spanContext() ?? {}
    expect(await storedTraceparent(storage, id)).toBe(`00-${traceId}-${spanId}-01`)
  })

  test('of a list is one span, to which all of its events belong', async () => {
    const { webhooks, storage } = await createWorld()
    const emitted = await webhooks.emitMany([
      { type: 'order.paid', data },
      { type: 'order.refunded', data },
    ])
    expect(emits()).toMatchObject([
      { name: 'emit', attributes: { 'messaging.batch.message_count': 2 } },
    ])
    const stored = await Promise.all(emitted.map(({ id }) => storedTraceparent(storage, id)))
    expect(new Set(stored).size).toBe(1)
    expect(stored[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })

  test('that is refused ends with the code of its error, and without its words', async () => {
    const { webhooks } = await createWorld()
    const wrong = { orderId: 17 } as never
    await expect(webhooks.emit('order.paid', wrong)).rejects.toThrow('orderId')
    expect(emits()).toMatchObject([
      {
        attributes: { 'error.type': 'invalid_payload' },
        status: { code: SpanStatusCode.ERROR },
        events: [],
      },
    ])
    expect(emits()[0]?.status.message).toBeUndefined()
  })
})

describe('an attempt', () => {
  test('is the root of a trace of its own that links to the emit, the last as the first', async () => {
    const { webhooks, shop, endpoint, advance } = await createWorld()
    shop.answer(500, 'refused', 'timeout')
    const { id } = await webhooks.emit('order.paid', data)
    await advance({ days: 1 })
    const [emit] = emits()
    const made = attempts()
    expect(made).toHaveLength(4)
    for (const span of made) {
      expect(span.parentSpanContext).toBeUndefined()
      const { traceId, spanId } = emit?.spanContext() ?? {}
      expect(span.links).toMatchObject([{ context: { traceId, spanId, isRemote: true } }])
    }
    const traces = sdk.spans().map((span) => span.spanContext().traceId)
    expect(new Set(traces).size).toBe(5)
    const [delivery] = (await webhooks.deliveries.list()).items
    const records = await webhooks.deliveries.attempts(delivery?.id ?? '')
    const common = {
      'messaging.system': 'ainexlayer_webhooks',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'order.paid',
      'messaging.destination.subscription.name': endpoint.id,
      'messaging.message.id': id,
      'http.request.method': 'POST',
      'url.scheme': 'https',
      'server.address': 'shop.example',
      'server.port': 443,
      'ainexlayer.webhooks.delivery.id': delivery?.id,
      'ainexlayer.webhooks.tenant.id': 'default',
    }
    const failed = { 'ainexlayer.webhooks.error.origin': 'receiver' }
    const own = [
      { ...failed, 'error.type': '500', 'http.response.status_code': 500 },
      { ...failed, 'error.type': 'connection_refused', 'http.request.resend_count': 1 },
      { ...failed, 'error.type': 'timeout', 'http.request.resend_count': 2 },
      { 'http.response.status_code': 200, 'http.request.resend_count': 3 },
    ]
    expect(made.map(({ attributes }) => attributes)).toEqual(
      own.map((attributes, index) => ({
        ...common,
        ...attributes,
        'ainexlayer.webhooks.attempt.id': records[index]?.id,
      })),
    )
    expect(made.map(({ name, kind, status }) => [name, kind, status.code])).toEqual([
      ['send order.paid', SpanKind.CLIENT, SpanStatusCode.ERROR],
      ['send order.paid', SpanKind.CLIENT, SpanStatusCode.ERROR],
      ['send order.paid', SpanKind.CLIENT, SpanStatusCode.ERROR],
      ['send order.paid', SpanKind.CLIENT, SpanStatusCode.UNSET],
    ])
  })

  test('of a test event has nothing to link to', async () => {
    const { webhooks, endpoint } = await createWorld()
    await webhooks.endpoints.test(endpoint.id)
    expect(attempts()).toMatchObject([{ name: 'send webhook.test', links: [] }])
  })

  test('links to nothing where what is stored is no trace context', async () => {
    const storage = memoryStorage()
    const traceparent = '00-00000000000000000000000000000000-b7ad6b7169203331-01'
    const tampered: Storage = {
      ...storage,
      insertEvents: ({ events }) =>
        storage.insertEvents({ events: events.map((event) => ({ ...event, traceparent })) }),
    }
    const { advance, now } = await createWorld({}, tampered)
    // Another process, so that the worker knows of the event what is stored.
    const clock = { now, setTimer: () => () => {} }
    const emitter = createWebhooks({ events, storage: tampered, clock })
    await emitter.emit('order.paid', data)
    await advance({ hours: 25 })
    expect(attempts()).toMatchObject([{ links: [] }])
  })

  test('sends no trace header unless asked, and then that of its own span', async () => {
    for (const sendTraceparent of [undefined, true]) {
      const { webhooks, shop, settle } = await createWorld({ sendTraceparent })
      await webhooks.emit('order.paid', data)
      await settle()
      const { traceId, spanId } = attempts().at(-1)?.spanContext() ?? {}
      const expected = sendTraceparent ? `00-${traceId}-${spanId}-01` : undefined
      const [request] = shop.requests
      expect(request?.headers.traceparent).toBe(expected)
      expect(request?.headers).not.toHaveProperty('tracestate')
      expect(request?.headers).not.toHaveProperty('baggage')
      const [delivery] = (await webhooks.deliveries.list()).items
      const [attempt] = await webhooks.deliveries.attempts(delivery?.id ?? '')
      expect(attempt?.requestHeaders.traceparent).toBe(expected)
    }
  })

  const silent = { startSpan: () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT) } as never
  test.each([
    { how: 'traced', options: {}, ours: ['send order.paid'] },
    { how: 'not traced by the tracer given', options: { tracer: silent }, ours: [] },
  ])('is left alone by instrumentations of the HTTP client: $how', async ({ options, ours }) => {
    const facts = { tenantId: 'default', eventId: 'evt_1', eventType: 'order.paid', number: 1 }
    const ids = { deliveryId: 'dlv_1', endpointId: 'ep_1', traceparent: null }
    const inner = trace.getTracer('undici')
    await openTelemetry(options)
      .attempt({ ...facts, ...ids, emittedAt: new Date(), url }, async () => {
        inner.startSpan('POST').end()
        throw new Error('enough')
      })
      .catch(() => {})
    expect(sdk.spans().map(({ name }) => name)).toEqual(ours)
  })
})

test('what the worker does belongs to no request of the host', async () => {
  const storage = memoryStorage()
  const seen: unknown[] = []
  const watched: Storage = {
    ...storage,
    claimDeliveries: (params) => {
      seen.push(trace.getSpan(context.active()))
      return storage.claimDeliveries(params)
    },
  }
  const webhooks = createWebhooks({ events, storage: watched })
  await webhooks.start()
  await trace.getTracer('host').startActiveSpan('request', async (span) => {
    await webhooks.emit('order.paid', data)
    span.end()
  })
  while ((await webhooks.stats()).backlog > 0) await new Promise((done) => setTimeout(done, 5))
  await webhooks.stop()
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.filter((span) => span !== undefined)).toEqual([])
})

describe('traceparent', () => {
  const hex = (length: number) =>
    fc.string({
      unit: fc.constantFrom(...'0123456789abcdef'),
      minLength: length,
      maxLength: length,
    })

  test('is read as it was written', () => {
    const ids = fc.record({ traceId: hex(32), spanId: hex(16), traceFlags: fc.constantFrom(0, 1) })
    fc.assert(
      fc.property(ids, (given) => {
        const text = formatTraceparent(given)
        expect(parseTraceparent(text)).toEqual(text && { ...given, isRemote: true })
        expect(text === null).toBe(/^0+$/.test(given.traceId) || /^0+$/.test(given.spanId))
      }),
    )
  })

  test('of any other text is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseTraceparent(text)).toBeNull()
      }),
    )
    const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    expect(parseTraceparent(valid)).not.toBeNull()
    for (const wrong of [`${valid}\n`, ` ${valid}`, valid.toUpperCase(), `01${valid.slice(2)}`]) {
      expect(parseTraceparent(wrong)).toBeNull()
    }
  })
})
