/**
 * What is stored, read past the adapter: an adapter that answers from memory, and writes nothing,
 * something else or too late, agrees with itself until the process dies.
 */
import assert from 'node:assert/strict'
import { assertSameIds, idsOf, type Kit, leaseMs, only } from './kit.ts'
import type { RawRows } from './options.ts'
import type { Suite, SuiteKit } from './suite.ts'

const tenantId = 'tenant-a'
const odd = '{"text":"é 🦊 e\u0301 a\u0000b","spaces":"  ", "number":1.0}\n'

export function storedTests(suite: Suite): void {
  const raw = suite.needing('readRaw')
  raw.describe('what is stored', () => {
    eventTests(raw)
    endpointTests(raw)
    workTests(raw)
    endTests(raw)
  })
  const inTransactions = raw.needing('transactions')
  inTransactions.describe('what is stored by a transaction', () => transactionTests(inTransactions))
}

function eventTests({ test }: Suite): void {
  test('when an insert of events has answered, they are there, text for text', async (kit) => {
    const events = [
      kit.event({ body: odd, idempotencyKey: 'k\u0000', createdAt: kit.at(5), tenantId: 'tänant' }),
      kit.event({ body: 'x'.repeat(262_144), fanOut: false }),
    ]
    await kit.storage.insertEvents({ events })
    const stored = await kit.readRaw()
    assert.deepEqual(byId(stored.events), events.map(rawEvent))
  })

  test('under one key one event is there, however many insert it', async (kit) => {
    const events = Array.from({ length: 12 }, () => kit.event({ idempotencyKey: 'k' }))
    const answers = await Promise.all(
      events.map((event) => kit.storage.insertEvents({ events: [event] })),
    )
    const stored = await kit.readRaw()
    assertSameIds(stored.events, [...new Set(answers.flat().map(({ id }) => id))])
    assert.equal(stored.events.length, 1)
  })
}

function endpointTests({ test }: Suite): void {
  const stored = async (kit: SuiteKit) => only((await kit.readRaw()).endpoints)

  test('an endpoint is there as it is after each change', async (kit) => {
    const { id } = await kit.addEndpoint({ headers: { 'x-key': odd } })
    const secrets = ['whsec_secret']
    const row = { id, tenantId, secrets, headers: { 'x-key': odd }, deleted: false }
    const url = 'https://receiver.example/hooks'
    const healthy = { active: true, pausedUntil: null, failedAttempts: 0 }
    assert.deepEqual(await stored(kit), { ...row, url, ...healthy })
    const changes = {
      url: 'https://other.example/',
      active: false,
      secrets: ['whsec_new', 'whsec_secret'].map((value) => ({
        value,
        createdAt: kit.at(1),
        expiresAt: null,
      })),
    }
    await kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(1) })
    const { secrets: _, ...changed } = changes
    const renewed = { ...row, ...changed, secrets: ['whsec_new', 'whsec_secret'] }
    assert.deepEqual(await stored(kit), { ...renewed, pausedUntil: null, failedAttempts: 0 })
    const pausedUntil = kit.at(5_000)
    const failed = { succeeded: false, failedAttempts: 3, failedAt: kit.at(2), leaseTokens: [] }
    await kit.storage.recordHealth({ changes: [{ endpointId: id, pausedUntil, ...failed }] })
    assert.deepEqual(await stored(kit), { ...renewed, pausedUntil, failedAttempts: 3 })
  })

  test('of a deleted endpoint, secrets and headers are gone', async (kit) => {
    const { id } = await kit.addEndpoint({ headers: { authorization: 'Bearer token' } })
    await kit.addDelivery()
    await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(1) })
    const left = (await kit.readRaw()).endpoints.find((endpoint) => endpoint.id === id)
    // Whether the row goes at once or with its log is the adapter's business.
    if (left === undefined) return
    assert.deepEqual([left.deleted, left.secrets, left.headers], [true, [], {}])
  })
}

function workTests({ test }: Suite): void {
  test('what a fan-out adds is there, and once', async (kit) => {
    const endpoints = [await kit.addEndpoint(), await kit.addEndpoint()]
    const event = await kit.addEvent()
    const deliveries = endpoints.map((endpoint) => kit.delivery(event, endpoint))
    for (const at of [0, leaseMs]) {
      const leaseToken = kit.id('lease')
      await kit.claimEvents(at, { leaseToken })
      const results = [{ eventId: event.id, leaseToken, deliveries, done: at > 0 }]
      await kit.storage.fanOut({ now: kit.at(at), results })
    }
    const stored = await kit.readRaw()
    const expected = deliveries.map(({ id, endpointId }) => {
      const whose = { id, tenantId, eventId: event.id, endpointId }
      return { ...whose, status: 'pending', attempts: 0, dueAt: kit.at(0), leaseToken: null }
    })
    assert.deepEqual(byId(stored.deliveries), expected)
  })

  test('a lease is there when it was given, renewed and given back', async (kit) => {
    await kit.addDelivery()
    const held = only(await kit.claimed(0))
    assert.deepEqual(await leaseOf(kit), [held.leaseToken, kit.at(leaseMs)])
    const leases = [{ id: held.id, leaseToken: held.leaseToken ?? '' }]
    await kit.storage.renewLeases({ leases, leaseUntil: kit.at(90_000) })
    assert.deepEqual(await leaseOf(kit), [held.leaseToken, kit.at(90_000)])
    await kit.storage.releaseDeliveries({ leases, now: kit.at(7) })
    const [token, dueAt] = await leaseOf(kit)
    assert.equal(token, null)
    assert.ok(dueAt && dueAt <= kit.at(7), `due at ${dueAt?.toISOString()}`)
  })

  test('an attempt and the next state of its delivery are there when they are settled', async (kit) => {
    const { delivery } = await kit.addLeased()
    const settlement = kit.settlement(delivery, 'pending', { at: 300 })
    settlement.attempt.response = {
      ...{ status: 503, headers: {}, body: odd, bodyTruncated: false },
    }
    await kit.settle(settlement)
    const stored = await kit.readRaw()
    const { status, attempts, leaseToken, dueAt } = only(stored.deliveries)
    assert.deepEqual([status, attempts, leaseToken], ['pending', 1, null])
    assert.deepEqual(dueAt, kit.at(5_300))
    assert.deepEqual(stored.attempts, [
      {
        ...{ id: settlement.attempt.id, tenantId, deliveryId: delivery.id, number: 1 },
        ...{ succeeded: false, responseStatus: 503, responseBody: odd },
      },
    ])
  })

  test('of a settlement that is dropped, nothing is there', async (kit) => {
    const { delivery } = await kit.addLeased()
    const before = await kit.readRaw()
    const late = { ...delivery, leaseToken: 'lease_of_another_time' }
    await kit.settle(kit.settlement(late, 'succeeded'))
    assert.deepEqual(await kit.readRaw(), before)
    await kit.settle(
      kit.settlement(delivery, 'succeeded'),
      kit.settlement(delivery, 'failed', { leaseToken: delivery.leaseToken ?? '' }),
    )
    assert.equal((await kit.readRaw()).attempts.length, 1)
  })

  test('of a fan-out under a lease that has passed on, nothing is there', async (kit) => {
    const [event, endpoint] = [await kit.addEvent(), await kit.addEndpoint()]
    const leaseToken = kit.id('lease')
    await kit.claimEvents(0, { leaseToken })
    await kit.claimEvents(leaseMs)
    const results = [
      { eventId: event.id, leaseToken, deliveries: [kit.delivery(event, endpoint)], done: true },
    ]
    await kit.storage.fanOut({ now: kit.at(leaseMs), results })
    assert.deepEqual((await kit.readRaw()).deliveries, [])
  })
}

function endTests({ test }: Suite): void {
  test('what is cancelled and what is re-queued is there as such', async (kit) => {
    const [one, two] = [await kit.addDelivery(), await kit.addSettled('failed')]
    const [cancelled, requeued] = [one.delivery.id, two.delivery.id]
    await kit.storage.cancelDeliveries({
      ...{ tenantId, which: { ids: [cancelled] }, reason: 'manual' },
      ...{ now: kit.at(2), limit: 9 },
    })
    await kit.storage.requeueDeliveries({ tenantId, ids: [requeued], now: kit.at(3) })
    const stored = byId((await kit.readRaw()).deliveries)
    assert.deepEqual(
      stored.map(({ id, status, dueAt }) => [id, status, dueAt]),
      [
        [cancelled, 'cancelled', null],
        [requeued, 'pending', kit.at(3)],
      ].sort(),
    )
  })

  test('what is pruned is there no more', async (kit) => {
    const { endpoint } = await kit.addSettled('succeeded')
    const kept = await kit.addDelivery()
    await kit.storage.deleteEndpoint({ tenantId, id: endpoint.id, now: kit.at(2) })
    await kit.storage.prune({ before: kit.at(9_000), limit: 100 })
    const stored = await kit.readRaw()
    assert.deepEqual(idsOf(stored.deliveries), [kept.delivery.id])
    assert.deepEqual(idsOf(stored.events), [kept.event.id])
    assert.deepEqual(idsOf(stored.endpoints), [kept.endpoint.id])
    assert.deepEqual(stored.attempts, [])
  })

  test('after a day of everything, it is what the adapter shows', async (kit) => {
    for (const tenant of ['tenant-a', 'tenant-b']) {
      for (const status of ['succeeded', 'failed', 'cancelled', 'pending'] as const) {
        await kit.addSettled(status, { tenantId: tenant })
      }
      await kit.addEvents(3, { tenantId: tenant, body: odd })
    }
    await kit.claimed(10_000)
    await kit.claimEvents(10_000)
    await assertShown(kit, await kit.readRaw())
  })
}

function transactionTests({ test }: Suite): void {
  test('is there when it has committed, and only then', async (kit) => {
    const events = [kit.event({ body: odd }), kit.event()]
    await kit.transact(async (transaction) => {
      await kit.storage.insertEvents({ events, transaction })
      assert.deepEqual((await kit.readRaw()).events, [])
    })
    assertSameIds((await kit.readRaw()).events, events)
  })

  test('is not there when it has rolled back', async (kit) => {
    const wanted = new Error('the host changed its mind')
    await assert.rejects(
      kit.transact(async (transaction) => {
        await kit.storage.insertEvents({ events: [kit.event()], transaction })
        throw wanted
      }),
      wanted,
    )
    assert.deepEqual((await kit.readRaw()).events, [])
  })
}

async function leaseOf(kit: SuiteKit): Promise<[token: string | null, dueAt: Date | null]> {
  const { leaseToken, dueAt } = only((await kit.readRaw()).deliveries)
  return [leaseToken, dueAt]
}

/** Every row is what the adapter shows under its id, and it shows no others. */
async function assertShown(kit: Kit, stored: RawRows): Promise<void> {
  const page = { offset: 0, before: null, limit: 1_000, withTotal: false }
  const shown: Omit<RawRows, 'endpoints'> = { events: [], deliveries: [], attempts: [] }
  for (const tenant of new Set(stored.events.map((event) => event.tenantId))) {
    const { items: events } = await kit.storage.listEvents({ tenantId: tenant, ...page })
    shown.events.push(...events.map(rawEvent))
    const { items: deliveries } = await kit.storage.listDeliveries({ tenantId: tenant, ...page })
    for (const row of deliveries) {
      const { id, eventId, endpointId, status, attempts, dueAt, leaseToken } = row
      const whose = { id, tenantId: tenant, eventId, endpointId }
      shown.deliveries.push({ ...whose, status, attempts, dueAt, leaseToken })
    }
    const deliveryIds = idsOf(deliveries)
    for (const row of await kit.storage.listAttempts({ tenantId: tenant, deliveryIds })) {
      const { id, deliveryId, number, succeeded, response } = row
      const answer = {
        responseStatus: response?.status ?? null,
        responseBody: response?.body ?? null,
      }
      shown.attempts.push({ id, tenantId: tenant, deliveryId, number, succeeded, ...answer })
    }
  }
  assert.deepEqual(byId(stored.events), byId(shown.events))
  assert.deepEqual(byId(stored.deliveries), byId(shown.deliveries))
  assert.deepEqual(byId(stored.attempts), byId(shown.attempts))
}

function rawEvent(event: RawRows['events'][number]): RawRows['events'][number] {
  const { id, tenantId: tenant, type, body, idempotencyKey, createdAt } = event
  return { id, tenantId: tenant, type, body, idempotencyKey, createdAt }
}

function byId<Row extends { id: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
