/** The API without an SDK, as in a host whose operators do not trace. */
import { trace } from '@opentelemetry/api'
import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { defineEvents, memoryStorage } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const url = 'https://shop.example/hooks'

test('everything works, no context is stored, and no header is sent', async () => {
  const storage = memoryStorage()
  const telemetry = openTelemetry({ sendTraceparent: true })
  const { webhooks, receiver, settle, advance } = createTestWebhooks({ events, storage, telemetry })
  const shop = receiver(url)
  shop.answer(500)
  await webhooks.endpoints.create({ url, events: ['*'] })
  const { id } = await webhooks.emit('order.paid', { orderId: 'o-17' })
  await webhooks.emit('order.paid', { orderId: 17 } as never).catch(() => {})
  await settle()
  await advance({ minutes: 1 })
  expect(shop.types).toEqual(['order.paid', 'order.paid'])
  expect(shop.requests[0]?.headers).not.toHaveProperty('traceparent')
  expect(await storage.getEvents({ tenantId: 'default', ids: [id] })).toMatchObject([
    { traceparent: null },
  ])
  expect((await webhooks.deliveries.list({ status: 'succeeded' })).total).toBe(1)
  await webhooks.stop()
})

test('nothing of the instance is followed that nobody would read', () => {
  const on = vi.fn()
  const end = openTelemetry().begin({ on, now: () => new Date(), backlog: async () => null })
  end()
  expect(on).not.toHaveBeenCalled()
})

test('a context that the host made by other means is stored all the same', async () => {
  const spanContext = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: 0,
  }
  const storage = memoryStorage()
  // What a tracer without an SDK makes of a span within another: that other one.
  const tracer = { ...trace.getTracer('none'), startSpan: () => trace.wrapSpanContext(spanContext) }
  const telemetry = openTelemetry({ tracer: tracer as never })
  const { webhooks } = createTestWebhooks({ events, storage, telemetry })
  const emitted = webhooks.emit('order.paid', { orderId: 'o-17' })
  const { id } = await emitted
  expect(await storage.getEvents({ tenantId: 'default', ids: [id] })).toMatchObject([
    { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' },
  ])
})
