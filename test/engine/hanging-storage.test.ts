import { stat } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { settlesWithin } from '../../src/core/deadline.ts'
import { createWebhooks, isWebhooksError, memoryStorage, type Storage } from '../../src/index.ts'
import { systemClock } from '../../src/system.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** A memory storage of which the given methods are never answered while they hang. */
function hangingStorage() {
  const storage = memoryStorage()
  const hanging = new Set<keyof Storage>()
  const wrapped = new Proxy(storage, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...params: unknown[]) =>
        hanging.has(name as keyof Storage) ? new Promise(() => {}) : method.apply(target, params)
    },
  })
  return { storage: wrapped, hanging }
}

async function setup() {
  const { storage, hanging } = hangingStorage()
  const errors: { message: string; details: object }[] = []
  const logger = {
    ...{ debug() {}, info() {}, warn() {} },
    error: (details: object, message: string) => void errors.push({ message, details }),
  }
  const kit = createTestWebhooks({ events, storage, logger, limits: { stopGraceMs: 20_000 } })
  const receiver = kit.receiver(url)
  await kit.webhooks.endpoints.create({ url, events: ['*'] })
  const emit = () => kit.webhooks.emit('order.paid', { orderId: 'o1' })
  return { ...kit, hanging, errors, receiver, emit }
}

/** An instance that was not started, with one event to deliver. */
async function setupDrain(storage: Storage) {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const transport = new TestReceivers(clock)
  const webhooks = createWebhooks({ events, storage, clock, transport, random: seededRandom(1) })
  await webhooks.endpoints.create({ url, events: ['*'] })
  await webhooks.emit('order.paid', { orderId: 'o1' })
  const drain = (ms: number) => {
    const drained = webhooks.drain({ deadline: new Date(clock.now().getTime() + ms) })
    drained.catch(() => {})
    return drained
  }
  return { webhooks, clock, receiver: transport.receiver(url), drain }
}

/** How a promise stands by now. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const words = promise.then(
    () => 'resolved',
    (error: unknown) => (isWebhooksError(error) ? error.code : 'rejected'),
  )
  return Promise.race([words, new Promise<string>((resolve) => setImmediate(resolve, 'pending'))])
}

describe('a storage that does not answer', () => {
  test.each(['claimEvents', 'claimDeliveries', 'listSubscribers', 'nextDueAt'] as const)(
    '%s: is a fault after half a minute, and the worker goes on by itself',
    async (method) => {
      const { webhooks, hanging, errors, receiver, emit, settle, advance } = await setup()
      await webhooks.start()
      receiver.answer(500)
      await emit()
      await settle()
      hanging.add(method)
      await advance({ seconds: 4 })
      await emit()
      await advance({ seconds: 40 })
      expect(errors).toContainEqual({
        message: 'The storage failed; the worker waits and tries again',
        details: expect.objectContaining({
          reason: expect.stringContaining(`not answered ${method} within 30000 ms`),
        }),
      })
      hanging.clear()
      await advance({ minutes: 2 })
      const { items } = await webhooks.deliveries.list()
      expect(items.map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
    },
  )

  test('fails an emit after half a minute, and those behind it', async () => {
    const { hanging, emit, advance } = await setup()
    hanging.add('insertEvents')
    const first = emit()
    const second = emit()
    for (const emitted of [first, second]) emitted.catch(() => {})
    await advance({ ms: 29_999 })
    expect(await stateOf(first)).toBe('pending')
    await advance({ ms: 1 })
    expect(await Promise.all([first, second].map(stateOf))).toEqual([
      'storage_unreachable',
      'storage_unreachable',
    ])
    hanging.clear()
    expect(await stateOf(emit())).toBe('resolved')
  })

  test('holds up what is to be recorded for two minutes at most', async () => {
    const { webhooks, hanging, errors, emit, settle, advance } = await setup()
    await webhooks.start()
    hanging.add('fanOut')
    await emit()
    await advance({ ms: 120_000 })
    expect(errors.map(({ message }) => message)).toContain('A delivery was not settled')
    hanging.clear()
    await emit()
    await settle()
    await advance({ minutes: 3 })
    const { items } = await webhooks.deliveries.list()
    expect(items.map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
  })

  test.each([
    // Both steps, and what the calls have left of their half a minute.
    ['insertEvents', 'emits', 29_900],
    ['claimEvents', 'scheduler', 29_900],
    ['fanOut', 'attempts', 30_000],
    ['close', 'storage', 10_000],
  ] as const)('%s: does not keep a stop from ending', async (method, step, afterMs) => {
    const { webhooks, hanging, errors, emit, settle, advance } = await setup()
    await webhooks.start()
    await settle()
    hanging.add(method)
    emit().catch(() => {})
    await settle()
    await advance({ ms: 100 })
    const stopped = webhooks.stop()
    await advance({ ms: afterMs - 1 })
    expect(await stateOf(stopped)).toBe('pending')
    await advance({ ms: 1 })
    expect(await stateOf(stopped)).toBe('resolved')
    expect(errors).toContainEqual({
      message: 'A step of the stop hangs, and was given up',
      details: { step },
    })
  })

  test.each(['claimEvents', 'fanOut', 'nextDueAt'] as const)(
    '%s: does not keep a drain from returning in time',
    async (method) => {
      const { storage, hanging } = hangingStorage()
      const { clock, drain } = await setupDrain(storage)
      hanging.add(method)
      const drained = drain(5_000)
      await clock.advance(4_999)
      expect(await stateOf(drained)).toBe('resolved')
      expect(await drained).toEqual({ drained: false, nextDueAt: expect.any(Date) })
    },
  )

  test('keeps the next drain waiting no longer than until its own deadline', async () => {
    const { storage, hanging } = hangingStorage()
    const { clock, drain } = await setupDrain(storage)
    hanging.add('claimEvents')
    drain(1_000)
    await clock.advance(1_000)
    const second = drain(1_000)
    await clock.advance(999)
    expect(await stateOf(second)).toBe('resolved')
    hanging.clear()
    await clock.advance(60_000)
    const third = drain(1_000)
    await clock.advance(100)
    expect(await third).toMatchObject({ drained: true })
  })
})

test('a drain whose storage fails hands back what is under way', async () => {
  const storage = memoryStorage()
  const { webhooks, clock, receiver, drain } = await setupDrain(storage)
  receiver.answer({ status: 200, afterMs: 10_000 })
  const { nextDueAt } = storage
  storage.nextDueAt = async () => {
    throw new Error('the database is down')
  }
  const drained = drain(5_000)
  await clock.advance(4_999)
  expect(await stateOf(drained)).toBe('storage_failed')
  storage.nextDueAt = nextDueAt
  const next = drain(5_000)
  await clock.advance(500)
  expect(await stateOf(next)).toBe('resolved')
  expect(await next).toMatchObject({ drained: true })
  expect((await webhooks.deliveries.list()).items).toMatchObject([
    { status: 'succeeded', attempts: 1 },
  ])
})

test('an answer that came while the process stood still counts as in time', async () => {
  const answer = new Promise<void>((resolve) => stat('.', () => resolve()))
  const inTime = settlesWithin(systemClock, 20, answer)
  const endsAt = Date.now() + 100
  while (Date.now() < endsAt);
  expect(await inTime).toBe(true)
})
