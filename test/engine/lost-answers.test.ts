import { describe, expect, test } from 'vitest'
import { memoryStorage, type Storage } from '../../src/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

type Write = 'fanOut' | 'settleDeliveries'

/**
 * A memory storage that carries out writes and loses the answers to the first of them, as a
 * connection does that breaks after the commit.
 */
function losingAnswers(method: Write, { lost = 1, readsFail = false } = {}) {
  const storage = memoryStorage()
  const write = storage[method] as (params: unknown) => Promise<unknown>
  const calls: unknown[] = []
  const losing = async (params: unknown) => {
    const answer = await write(params)
    calls.push(answer)
    if (calls.length <= lost) throw new Error('the connection broke')
    return answer
  }
  Object.assign(storage, { [method]: losing } satisfies Partial<Storage>)
  if (readsFail) {
    storage.listAttempts = async () => {
      throw new Error('the connection broke')
    }
  }
  return { storage, calls }
}

async function setup(method: Write, faults?: { lost?: number; readsFail?: boolean }) {
  const { storage, calls } = losingAnswers(method, faults)
  const kit = createTestWebhooks({ events, storage })
  const told: string[] = []
  for (const name of [
    'delivery.succeeded',
    'delivery.attempt.failed',
    'delivery.failed',
  ] as const) {
    kit.webhooks.on(name, ({ delivery }) => told.push(`${name} ${delivery.id}`))
  }
  const receiver = kit.receiver(url)
  const endpoint = await kit.webhooks.endpoints.create({ url, events: ['order.paid'] })
  return { ...kit, calls, told, receiver, endpoint }
}

describe.each([
  // The first attempt is stored with its event, and one that is late by itself.
  { method: 'fanOut' as const, afterMs: 0 },
  { method: 'settleDeliveries' as const, afterMs: 5_000 },
])('an attempt whose $method was carried out and its answer lost', ({ method, afterMs }) => {
  test('is told of once', async () => {
    const { webhooks, calls, told, receiver, settle, advance } = await setup(method, { lost: 2 })
    receiver.answer({ status: 200, afterMs })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ seconds: 10 })
    expect(calls).toHaveLength(3)
    const [delivery] = (await webhooks.deliveries.list()).items
    expect(delivery).toMatchObject({ status: 'succeeded', attempts: 1 })
    expect(told).toEqual([`delivery.succeeded ${delivery?.id}`])
    expect(receiver.requests).toHaveLength(1)
  })

  test('has its consequences for the endpoint', async () => {
    const { webhooks, endpoint, receiver, settle, advance } = await setup(method)
    receiver.answer({ status: 410, afterMs })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ seconds: 10 })
    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      active: false,
      disabledReason: 'gone',
    })
  })

  test('stays on record, untold, where the storage cannot be read either', async () => {
    const faults = { readsFail: true }
    const { webhooks, told, receiver, settle, advance } = await setup(method, faults)
    receiver.answer({ status: 200, afterMs })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ seconds: 10 })
    expect((await webhooks.deliveries.list()).items).toMatchObject([{ status: 'succeeded' }])
    expect(told).toEqual([])
    expect(receiver.requests).toHaveLength(1)
  })
})

test('a request under way whose fanOut answer was lost keeps its lease', async () => {
  const { storage } = losingAnswers('fanOut')
  const { webhooks, receiver, settle, advance } = createTestWebhooks({
    events,
    storage,
    limits: { timeoutMs: 50_000, leaseMs: 60_000 },
  })
  const renewed: string[][] = []
  const { renewLeases } = storage
  storage.renewLeases = async (params) => {
    const held = await renewLeases(params)
    renewed.push(held)
    return held
  }
  receiver(url).answer({ status: 200, afterMs: 45_000 })
  await webhooks.endpoints.create({ url, events: ['order.paid'] })
  await webhooks.emit('order.paid', { orderId: 'o1' })
  await settle()
  await advance({ seconds: 50 })
  const [delivery] = (await webhooks.deliveries.list()).items
  expect(renewed).toEqual([[delivery?.id]])
  expect(delivery).toMatchObject({ status: 'succeeded', attempts: 1 })
})
