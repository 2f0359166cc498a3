import { describe, expect, test } from 'vitest'
import { memoryStorage, type Storage } from '../../src/index.ts'
import type { TestAnswer } from '../../src/testing/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const slots = 8
const limits = { inFlight: slots, inFlightPerEndpoint: slots }
const channels = Array.from({ length: 2 * slots }, (_, n) => `channel${n}`)

/** Quick enough to claim ahead, and then no more. */
const slow = { first: [200, 200, 200], last: { status: 200, afterMs: 40 } }

/** Events for one endpoint after the other. */
const orders = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...{ type: 'order.paid' as const, data: { orderId: `o${n}` } },
    channels: [channels[n % channels.length] ?? ''],
  }))

/** A memory storage that notes how many events each claim asked for, and found. */
function watched() {
  const storage: Storage = memoryStorage()
  const { claimEvents } = storage
  const claims: { limit: number; found: number }[] = []
  storage.claimEvents = async (params) => {
    const found = await claimEvents(params)
    if (found.length > 0) claims.push({ limit: params.limit, found: found.length })
    return found
  }
  return { storage, claims }
}

/** Endpoints that all answer like this, one request after the other, and more events than there are slots for. */
async function createFlood(answers: { first?: TestAnswer[]; last: TestAnswer }, count: number) {
  const { storage, claims } = watched()
  const world = createTestWebhooks({ events, storage, limits })
  for (const channel of channels) {
    const receiver = world.receiver(`https://${channel}.example/`)
    receiver.answer(...(answers.first ?? []))
    receiver.alwaysAnswer(answers.last)
    const input = { url: receiver.url, events: ['*'], channels: [channel] }
    await world.webhooks.endpoints.create(input)
  }
  await world.webhooks.emitMany(orders(count))
  await world.settle()
  return { ...world, claims, storage }
}

describe('events of which many wait', () => {
  test('are claimed ahead in large numbers, and all of them sent once', async () => {
    const { claims, requests } = await createFlood({ last: 200 }, 500)
    expect(requests).toHaveLength(500)
    expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(500)
    expect(claims.filter(({ limit }) => limit === 2 * slots).length).toBeGreaterThan(20)
  })

  test('are claimed by the few where they are not soon used up', async () => {
    const { advance, claims, requests } = await createFlood(
      { last: { status: 200, afterMs: 80 } },
      60,
    )
    await advance({ seconds: 5 })
    expect(requests).toHaveLength(60)
    expect(claims.length).toBeGreaterThan(4)
    for (const { limit } of claims) expect(limit).not.toBe(2 * slots)
  })

  test('go to their endpoints as these are soon after a change, wherever they are', async () => {
    const { advance, claims, requests, webhooks } = await createFlood(slow, 200)
    expect(claims.at(-1)).toEqual({ limit: 2 * slots, found: 2 * slots })
    for (const { id } of (await webhooks.endpoints.list()).items) {
      await webhooks.endpoints.update(id, { headers: { 'x-shop': 'moved' } })
    }
    await advance({ ms: 49 })
    const sentBefore = requests.length
    await advance({ seconds: 5 })
    expect(requests).toHaveLength(200)
    for (const { headers } of requests.slice(sentBefore)) expect(headers['x-shop']).toBe('moved')
  })

  test('go back when their worker stops, and another one has them at once', async () => {
    const { advance, claims, now, requests, settle, storage, webhooks } = await createFlood(
      slow,
      200,
    )
    expect(claims.at(-1)).toEqual({ limit: 2 * slots, found: 2 * slots })
    const stopped = webhooks.stop()
    await settle()
    const given = { now: now(), leaseToken: 'other', leaseUntil: new Date(now().getTime() + 1) }
    const left = await storage.claimEvents({ ...given, limit: 200 })
    expect(left.length + requests.length).toBe(200)
    await advance({ ms: 50 })
    await stopped
    expect(left.length + requests.length).toBe(200)
  })
})
