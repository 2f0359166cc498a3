/** Callers that meet: several workers and emitters, over two connections where there can be. */
import assert from 'node:assert/strict'
import type { DeliveryRecord, ListResult } from '../../storage/storage.ts'
import { assertSameIds, firstPage, idsOf, type Kit, leaseMs } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

const tenantId = 'tenant-a'
const outcomes = ['pending', 'succeeded', 'failed', 'pending', 'succeeded'] as const

export function concurrencyTests(suite: Suite): void {
  /** As many callers, in turn on each connection that there is. */
  async function callers(kit: SuiteKit, count: number): Promise<Kit[]> {
    const connections = suite.capabilities.reopen ? [kit, await kit.reopen()] : [kit]
    return Array.from(
      { length: count },
      (_, index) => connections[index % connections.length] ?? kit,
    )
  }

  suite.describe('many at once', () => {
    workTests(suite, callers)
    pagingTests(suite, callers)
  })
}

type Callers = (kit: SuiteKit, count: number) => Promise<Kit[]>

function workTests({ test }: Suite, callers: Callers): void {
  test('insert the same keys in lists of any order: each is there once, nobody fails', async (kit) => {
    const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`)
    const lists = (await callers(kit, 12)).map(async ({ storage }, caller) => {
      const turned = [...keys.slice(caller % 8), ...keys.slice(0, caller % 8)]
      const order = caller % 3 === 0 ? turned.toReversed() : turned
      const events = order.map((idempotencyKey) => kit.event({ idempotencyKey }))
      const answers = await storage.insertEvents({ events })
      return order.map((key, index) => ({ key, id: answers[index]?.id }))
    })
    const named = (await Promise.all(lists)).flat()
    for (const key of keys) {
      const ids = new Set(named.filter((each) => each.key === key).map(({ id }) => id))
      assert.equal(ids.size, 1, `the key ${key} named ${ids.size} events`)
    }
    assert.equal((await kit.storage.listEvents({ tenantId, ...firstPage })).total, keys.length)
  })

  test('work through a backlog: each attempt is on record once, under the token that made it', async (kit) => {
    const endpoints = [await kit.addEndpoint(), await kit.addEndpoint(), await kit.addEndpoint()]
    for (const endpoint of endpoints) await kit.addDeliveries(12, endpoint)
    const accepted: string[] = []
    const tokens: string[] = []
    await Promise.all(
      (await callers(kit, 6)).map(async (worker, index) => {
        for (let turn = index; ; turn += 1) {
          const held = await worker.claimed(0, { limit: 4 })
          if (held.length === 0) return
          tokens.push(...held.map((row) => `${row.id} ${row.leaseToken}`))
          accepted.push(...(await finish(worker, held, turn)))
        }
      }),
    )
    assert.equal(new Set(tokens).size, tokens.length, 'one delivery was claimed twice at once')
    const { items } = await kit.storage.listDeliveries({ tenantId, ...firstPage })
    const deliveryIds = idsOf(items)
    const attempts = await kit.storage.listAttempts({ tenantId, deliveryIds })
    assertSameIds(
      attempts.map(({ deliveryId }) => deliveryId),
      accepted,
    )
    for (const row of items) {
      const own = attempts.filter(({ deliveryId }) => deliveryId === row.id)
      assert.equal(row.attempts, own.length, `${row.id} counts ${row.attempts} attempts`)
      assert.equal(new Set(own.map(({ number }) => number)).size, own.length)
      assert.notEqual(row.status, 'pending')
    }
  })

  test('settle, cancel and re-queue the same deliveries: each ends in one state, whole', async (kit) => {
    const rows = await kit.addDeliveries(20, await kit.addEndpoint())
    const ids = idsOf(rows)
    const held = await kit.claimed(0)
    const [one = kit, two = kit, three = kit] = await callers(kit, 3)
    await Promise.all([
      one.storage.settleDeliveries({
        now: kit.at(1_000),
        settlements: held.map((row) => kit.settlement(row, 'failed')),
      }),
      two.storage.cancelDeliveries({
        ...{ tenantId, which: { ids }, reason: 'manual', now: kit.at(1_000), limit: 20 },
      }),
      three.storage.requeueDeliveries({ tenantId, ids, now: kit.at(1_000) }),
    ])
    const attempts = await kit.storage.listAttempts({ tenantId, deliveryIds: ids })
    for (const row of await Promise.all(rows.map((each) => kit.get(each)))) {
      const isPending = row.status === 'pending'
      assert.equal(row.dueAt !== null, isPending, `${row.status}, due at ${row.dueAt}`)
      assert.equal(row.completedAt === null, isPending)
      assert.equal(row.cancelReason !== null, row.status === 'cancelled')
      assert.equal(attempts.filter(({ deliveryId }) => deliveryId === row.id).length, row.attempts)
    }
  })

  test('prune events and add deliveries of them: none is left without its event', async (kit) => {
    const endpoint = await kit.addEndpoint()
    const [one = kit, two = kit] = await callers(kit, 2)
    for (let round = 0; round < 5; round += 1) {
      const events = await kit.addEvents(10, { fanOut: false })
      const deliveries = events.map((event) => kit.delivery(event, endpoint))
      const [, added] = await Promise.all([
        one.storage.prune({ before: kit.at(1), limit: 100 }),
        two.storage.insertDeliveries({ deliveries }),
      ])
      const { items } = await kit.storage.listDeliveries({ tenantId, ...firstPage })
      const stored = new Set(items.map(({ eventId }) => eventId))
      const left = (await kit.eventsOf(events)).filter(({ id }) => stored.has(id))
      assert.equal(left.length, added.length, 'a delivery stands without its event')
    }
  })

  test('whose clocks differ: who is ahead takes over early, and shuts out who was late', async (kit) => {
    await kit.addDelivery()
    const [late = kit, ahead = kit] = await callers(kit, 2)
    const [stale] = await late.claimed(0)
    assert.deepEqual(await ahead.claimed(leaseMs - 1), [])
    const [held] = await ahead.claimed(leaseMs)
    assert.ok(stale && held)
    const lease = { id: stale.id, leaseToken: stale.leaseToken ?? '' }
    const leaseUntil = kit.at(leaseMs)
    assert.deepEqual(await late.storage.renewLeases({ leases: [lease], leaseUntil }), [])
    assert.deepEqual(await late.settle(late.settlement(stale, 'failed')), [])
    assert.deepEqual(await late.claimed(5_000), [])
    assert.deepEqual(await ahead.settle(ahead.settlement(held, 'succeeded')), [held.id])
  })
}

/** Settles what is held, or gives it back, each its own way. @returns Ids of what was accepted. */
async function finish(worker: Kit, held: DeliveryRecord[], turn: number): Promise<string[]> {
  if (turn % 4 === 3) {
    const leases = held.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
    await worker.storage.releaseDeliveries({ now: worker.at(0), leases })
    return []
  }
  const settlements = held.map((row, index) => {
    const status = row.attempts > 2 ? 'failed' : (outcomes[(turn + index) % 5] ?? 'failed')
    const dueAt = status === 'pending' ? worker.at(0) : null
    return worker.settlement(row, status, { dueAt })
  })
  return worker.settle(...settlements)
}

function pagingTests({ test }: Suite, callers: Callers): void {
  test('add rows while one reads pages by cursor: it sees each of the others once', async (kit) => {
    const endpoint = await kit.addEndpoint()
    const rows = await kit.addDeliveries(20, endpoint)
    const [reader = kit, writer = kit] = await callers(kit, 2)
    const adding = (async () => {
      for (let round = 0; round < 12; round += 1) await writer.addDeliveries(1, endpoint)
    })()
    const seen: string[] = []
    for (let before: string | null = null; ; ) {
      const page = { ...firstPage, before, limit: 3, withTotal: false }
      const { items }: ListResult<DeliveryRecord> = await reader.storage.listDeliveries({
        ...{ tenantId, endpointId: endpoint.id, ...page },
      })
      seen.push(...idsOf(items))
      before = items.at(-1)?.id ?? null
      if (before === null) break
    }
    await adding
    assert.equal(new Set(seen).size, seen.length, 'a row was shown twice')
    const known = new Set(idsOf(rows))
    assertSameIds(
      seen.filter((id) => known.has(id)),
      rows,
    )
  })

  test('add endpoints while one reads the subscribers of an event: it sees those of before', async (kit) => {
    const before = [await kit.addEndpoint(), await kit.addEndpoint(), await kit.addEndpoint()]
    const event = await kit.addEvent()
    const [reader = kit, writer = kit] = await callers(kit, 2)
    const seen: string[] = []
    for (let after: string | null = null; ; ) {
      const [found] = await Promise.all([
        reader.storage.listSubscribers({
          ...{ tenantId, position: event.position, emittedAt: event.createdAt, after, limit: 2 },
        }),
        writer.addEndpoint(),
      ])
      if (found.length === 0) break
      seen.push(...idsOf(found))
      after = seen.at(-1) ?? null
    }
    assert.deepEqual(seen, idsOf(before))
  })

  test('add deliveries while one reads the events without one: it sees each at most once', async (kit) => {
    const endpoint = await kit.addEndpoint()
    const events = await kit.addEvents(9)
    const leaseToken = kit.id('lease')
    await kit.claimEvents(0, { leaseToken })
    const results = events.map(({ id }) => ({
      eventId: id,
      leaseToken,
      deliveries: [],
      done: true,
    }))
    await kit.storage.fanOut({ now: kit.at(0), results })
    const [reader = kit, writer = kit] = await callers(kit, 2)
    const seen: string[] = []
    for (let after: string | null = null; ; ) {
      const found = await reader.storage.listEventsWithoutDelivery({
        ...{
          tenantId,
          endpointId: endpoint.id,
          since: kit.at(0),
          until: kit.at(1),
          after,
          limit: 2,
        },
      })
      if (found.length === 0) break
      seen.push(...idsOf(found))
      after = seen.at(-1) ?? null
      const deliveries = found.map((event) => kit.delivery(event, endpoint))
      await writer.storage.insertDeliveries({ deliveries })
    }
    assert.deepEqual(seen, idsOf(events))
  })
}
