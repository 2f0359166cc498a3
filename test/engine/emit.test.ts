import { describe, expect, test } from 'vitest'
import { createWebhooks, isWebhooksError, memoryStorage, type Storage } from '../../src/index.ts'
import { createTestWebhooks, events } from '../support.ts'

/** An instance whose inserts are counted and can be made to fail. */
function createCounted() {
  const storage = memoryStorage()
  const batches: number[] = []
  const faults: Error[] = []
  const counted: Storage = new Proxy(storage, {
    get(target, name) {
      if (name === 'insertEvents') {
        return async (params: Parameters<Storage['insertEvents']>[0]) => {
          const fault = faults.shift()
          if (fault) throw fault
          batches.push(params.events.length)
          return target.insertEvents(params)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { batches, faults, webhooks: createWebhooks({ events, storage: counted }) }
}

describe('emit', () => {
  test('groups calls made together: ten thousand cost about twenty writes', async () => {
    const { webhooks, batches } = createCounted()
    const calls = Array.from({ length: 10_000 }, (_, n) =>
      webhooks.emit('order.paid', { orderId: `o${n}` }),
    )
    const emitted = await Promise.all(calls)
    expect(new Set(emitted.map(({ id }) => id)).size).toBe(10_000)
    expect(batches.length).toBeLessThanOrEqual(50)
    expect(batches.reduce((sum, size) => sum + size, 0)).toBe(10_000)
    expect((await webhooks.events.list()).total).toBe(10_000)
  })

  test('keeps the order of calls', async () => {
    const { webhooks } = createCounted()
    const calls = Array.from({ length: 50 }, (_, n) =>
      webhooks.emit('order.paid', { orderId: `o${n}` }),
    )
    await Promise.all(calls)
    const { items } = await webhooks.events.list({ limit: 50 })
    const ids = items.map(({ body }) => JSON.parse(body).data.orderId)
    expect(ids.reverse()).toEqual(Array.from({ length: 50 }, (_, n) => `o${n}`))
  })

  test('rides out a passing storage fault', async () => {
    const { webhooks, faults } = createCounted()
    faults.push(new Error('connection lost'))
    await webhooks.emit('order.paid', { orderId: 'o1' })
    expect((await webhooks.events.list()).total).toBe(1)
  })

  test('never pretends success: a lasting fault reaches every caller of the batch', async () => {
    const { webhooks, faults } = createCounted()
    // Three tries of the batch, of its first and of its second event.
    faults.push(...new Array(9).fill(new Error('disk full')))
    const calls = [1, 2, 3].map((n) => webhooks.emit('order.paid', { orderId: `o${n}` }))
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'storage_failed', cause: { message: 'disk full' } },
      })
    }
    expect((await webhooks.events.list()).total).toBe(0)
    await webhooks.emit('order.paid', { orderId: 'after' })
    expect((await webhooks.events.list()).total).toBe(1)
  })

  test('with an idempotency key is one event, however often and however fast', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    const shop = receiver('https://shop.example/hooks')
    await webhooks.endpoints.create({ url: shop.url, events: ['*'] })
    const options = { idempotencyKey: 'payment-1' }
    const together = await Promise.all(
      [1, 2, 3].map(() => webhooks.emit('order.paid', { orderId: 'o1' }, options)),
    )
    await settle()
    const later = await webhooks.emit('order.paid', { orderId: 'o1' }, options)
    await settle()
    const ids = new Set([...together, later].map(({ id }) => id))
    expect(ids.size).toBe(1)
    expect(together.map(({ duplicate }) => duplicate)).toEqual([false, true, true])
    expect(later.duplicate).toBe(true)
    expect(shop.requests).toHaveLength(1)
  })

  test('keeps the idempotency keys of tenants apart', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const emit = (tenantId: string) =>
      webhooks.emit('order.paid', { orderId: 'o1' }, { tenantId, idempotencyKey: 'k' })
    expect((await emit('a')).duplicate).toBe(false)
    expect((await emit('b')).duplicate).toBe(false)
  })

  test('under a key that somebody holds lets nobody else wait', async () => {
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const storage = memoryStorage()
    const { insertEvents } = storage
    storage.insertEvents = async (params) => {
      if (params.events.some(({ idempotencyKey }) => idempotencyKey === 'held')) await held
      return insertEvents(params)
    }
    const webhooks = createWebhooks({ events, storage })
    const waiting: Promise<unknown>[] = []
    for (let n = 0; n < 5; n++) {
      const options = { idempotencyKey: 'held' }
      waiting.push(webhooks.emit('order.paid', { orderId: 'o1' }, options))
      // A write of its own for each.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await webhooks.emit('order.paid', { orderId: 'o2' })
    expect((await webhooks.events.list()).total).toBe(1)
    letGo()
    await Promise.all(waiting)
    expect((await webhooks.events.list()).total).toBe(2)
  })

  test('of many is all or nothing', async () => {
    const { webhooks } = createCounted()
    const good = { type: 'order.paid', data: { orderId: 'o1' } } as const
    const bad = { type: 'user.created', data: { userId: 7 } } as never
    await expect(webhooks.emitMany([good, bad])).rejects.toSatisfy((error) =>
      isWebhooksError(error, 'invalid_payload'),
    )
    expect((await webhooks.events.list()).total).toBe(0)
    expect(await webhooks.emitMany([good, good])).toHaveLength(2)
    expect(await webhooks.emitMany([])).toEqual([])
  })
})

describe('bad input to emit', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const paid = { orderId: 'o1' }

  test.each([
    ['an unknown event', 'unknown_event', ['order.payd', paid]],
    ['a wrong payload', 'invalid_payload', ['order.paid', { orderId: 1 }]],
    ['no payload', 'invalid_payload', ['order.paid', undefined]],
    ['an empty idempotency key', 'invalid_option', ['order.paid', paid, { idempotencyKey: '' }]],
    [
      'an endless idempotency key',
      'invalid_option',
      ['order.paid', paid, { idempotencyKey: 'k'.repeat(257) }],
    ],
    ['a tenant that is no text', 'invalid_option', ['order.paid', paid, { tenantId: null }]],
    ['an empty tenant', 'invalid_option', ['order.paid', paid, { tenantId: '' }]],
    [
      'too many channels',
      'invalid_option',
      ['order.paid', paid, { channels: new Array(11).fill('c') }],
    ],
    ['channels that are no list', 'invalid_option', ['order.paid', paid, { channels: 'c' }]],
    ['a payload too large', 'payload_too_large', ['order.paid', { orderId: 'x'.repeat(300_000) }]],
  ])('%s is refused before anything is written', async (_, code, args) => {
    const { webhooks, batches } = createCounted()
    const emit = webhooks.emit as (...given: unknown[]) => Promise<unknown>
    await expect(emit(...args)).rejects.toMatchObject({ name: 'WebhooksError', code })
    expect(batches).toEqual([])
  })

  test('an error names the field and the way out', async () => {
    const { webhooks } = createCounted()
    const emit = webhooks.emit as (...given: unknown[]) => Promise<unknown>
    await expect(emit('order.paid', { orderId: 1 })).rejects.toMatchObject({
      issues: [{ path: ['orderId'] }],
    })
    await expect(emit('order.payd', {})).rejects.toThrow('order.paid')
  })
})
