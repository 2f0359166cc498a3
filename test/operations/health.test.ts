import { describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  type Health,
  memoryStorage,
  pollingScheduler,
  type Storage,
} from '../../src/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const data = { orderId: 'o-17' }
const url = 'https://shop.example/hooks'

/** Memory that fails, or never answers, while told to. */
function brokenStorage() {
  const storage = memoryStorage()
  const state = { is: 'up' as 'up' | 'down' | 'silent' }
  const broken = new Proxy(storage, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return async (...params: unknown[]) => {
        if (state.is === 'down') throw new Error('connect ECONNREFUSED 10.0.0.5:5432')
        if (state.is === 'silent') await new Promise(() => {})
        return method.call(target, ...params)
      }
    },
  })
  return { storage: broken as Storage, state }
}

/** An instance that nobody has started, under a clock that the test moves. */
function createIdle(storage: Storage = memoryStorage()) {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const webhooks = createWebhooks({ events, storage, clock, logger: silent })
  return { webhooks, clock }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

test('of an instance that only emits: well, and its worker not started', async () => {
  const { webhooks, clock } = createIdle()
  const emitted = webhooks.emit('order.paid', data)
  await clock.settle()
  await emitted
  await clock.advance(2_000)
  expect(await webhooks.health()).toEqual<Health>({
    ok: true,
    storage: { ok: true, durationMs: 0, error: null },
    worker: { state: 'not_started', inFlight: 0 },
    backlog: { events: 1, oldestEventMs: 2_000, deliveries: 0, oldestPendingMs: null },
    checkedAt: clock.now(),
  })
})

test('of an instance at work, over all tenants', async () => {
  const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
  receiver(url).answer(500, { status: 200, afterMs: 20_000 })
  await webhooks.endpoints.create({ url, events: ['*'], tenantId: 'a' })
  await webhooks.emit('order.paid', data, { tenantId: 'a' })
  await settle()
  await advance({ seconds: 10 })
  expect(await webhooks.health()).toMatchObject({
    ok: true,
    worker: { state: 'running', inFlight: 1 },
    backlog: { events: 0, oldestEventMs: null, deliveries: 1, oldestPendingMs: 10_000 },
  })
  await advance({ minutes: 1 })
  expect(await webhooks.health()).toMatchObject({
    worker: { state: 'running', inFlight: 0 },
    backlog: { deliveries: 0, oldestPendingMs: null },
  })
})

describe('while the storage', () => {
  test('is down: not well, with the reason, and well again after', async () => {
    const { storage, state } = brokenStorage()
    const scheduler = pollingScheduler({ intervalMs: 500 })
    const { webhooks, settle, advance } = createTestWebhooks({ events, storage, scheduler })
    await settle()
    state.is = 'down'
    await advance({ seconds: 1 })
    expect(await webhooks.health()).toMatchObject({
      ok: false,
      storage: { ok: false, error: expect.stringContaining('ECONNREFUSED 10.0.0.5:5432') },
      worker: { state: 'resting' },
      backlog: null,
    })
    state.is = 'up'
    await advance({ minutes: 1 })
    expect(await webhooks.health()).toMatchObject({
      ok: true,
      storage: { ok: true, error: null },
      worker: { state: 'running' },
      backlog: { events: 0 },
    })
  })

  test('does not answer: given up after 800 ms, or as long as was asked for', async () => {
    for (const timeoutMs of [undefined, 50, 0, Number.NaN]) {
      const { storage, state } = brokenStorage()
      state.is = 'silent'
      const { webhooks, clock } = createIdle(storage)
      const resolved = vi.fn()
      void webhooks.health({ timeoutMs }).then(resolved)
      const boundMs = timeoutMs === undefined ? 800 : timeoutMs || 1
      await clock.advance(boundMs - 1)
      expect(resolved).not.toHaveBeenCalled()
      await clock.advance(1)
      expect(resolved).toHaveBeenCalledWith(
        expect.objectContaining({
          ok: false,
          storage: {
            ok: false,
            durationMs: boundMs,
            error: expect.stringContaining('did not answer'),
          },
          backlog: null,
        }),
      )
    }
  })

  test('answers, but counts for long: well, without the figures', async () => {
    const { webhooks, clock } = createIdle({
      ...memoryStorage(),
      backlog: () => new Promise(() => {}),
    })
    const health = webhooks.health()
    await clock.advance(800)
    expect(await health).toMatchObject({ ok: true, storage: { durationMs: 0 }, backlog: null })
  })

  test('cannot be opened: not well, and nothing is thrown', async () => {
    const { webhooks } = createIdle({
      ...memoryStorage(),
      open: () => Promise.reject(new Error('no such folder')),
    })
    expect(await webhooks.health()).toMatchObject({
      ok: false,
      storage: { error: expect.stringContaining('no such folder') },
    })
  })
})

test('not well from the moment when it is told to stop', async () => {
  const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
  receiver(url).answer({ status: 200, afterMs: 5_000 })
  await webhooks.endpoints.create({ url, events: ['*'] })
  await webhooks.emit('order.paid', data)
  await settle()
  const stopped = webhooks.stop()
  expect(await webhooks.health()).toMatchObject({
    ok: false,
    storage: { ok: true },
    worker: { state: 'stopped', inFlight: 1 },
  })
  await advance({ seconds: 5 })
  await stopped
  expect(await webhooks.health()).toMatchObject({
    ok: false,
    storage: { ok: false, error: expect.stringContaining('was stopped') },
    worker: { state: 'stopped', inFlight: 0 },
    backlog: null,
  })
})
