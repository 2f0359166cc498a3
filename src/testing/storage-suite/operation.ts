import assert from 'node:assert/strict'
import { firstPage, idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

const tenantId = 'tenant-a'

export function statsTests({ describe, test }: Suite): void {
  describe('stats', () => {
    test('of nothing are zeros and nulls', async (kit) => {
      assert.deepEqual(await kit.storage.stats({ tenantId, since: kit.at(0) }), {
        deliveries: { pending: 0, succeeded: 0, failed: 0, cancelled: 0 },
        attempts: { succeeded: 0, failed: 0 },
        durationMs: { p50: null, p95: null, p99: null },
        backlog: 0,
        oldestPendingAt: null,
      })
    })

    test('count deliveries created since, and the backlog of whatever age', async (kit) => {
      await kit.addSettled('succeeded', { createdAt: kit.at(10) })
      await kit.addSettled('succeeded', { createdAt: kit.at(9) })
      await kit.addSettled('failed', { createdAt: kit.at(10) })
      await kit.addSettled('cancelled', { createdAt: kit.at(11) })
      await kit.addDelivery({ createdAt: kit.at(10) })
      await kit.addLeased({ createdAt: kit.at(3) })
      const stats = await kit.storage.stats({ tenantId, since: kit.at(10) })
      assert.deepEqual(stats.deliveries, { pending: 1, succeeded: 1, failed: 1, cancelled: 1 })
      assert.equal(stats.backlog, 2)
      assert.deepEqual(stats.oldestPendingAt, kit.at(3))
    })

    test('count attempts started since, and of those that succeeded how long', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await kit.addDeliveries(103, endpoint)
      const held = await kit.claimed(0)
      const settlements = held.map((row, index) => {
        const status = index < 100 ? 'succeeded' : 'failed'
        const settlement = kit.settlement(row, status)
        settlement.attempt.startedAt = kit.at(index === 101 ? 49 : 50)
        settlement.attempt.durationMs = index < 100 ? 100 - index : 9_999
        return settlement
      })
      await kit.settle(...settlements)
      const stats = await kit.storage.stats({ tenantId, since: kit.at(50) })
      assert.deepEqual(stats.attempts, { succeeded: 100, failed: 2 })
      assert.deepEqual(stats.durationMs, { p50: 50, p95: 95, p99: 99 })
    })

    test('count only deliveries created before until', async (kit) => {
      for (const at of [9, 10, 19, 20]) {
        await kit.addSettled('succeeded', { createdAt: kit.at(at) })
        await kit.addSettled('failed', { createdAt: kit.at(at) })
        await kit.addDelivery({ createdAt: kit.at(at) })
      }
      const stats = await kit.storage.stats({ tenantId, since: kit.at(10), until: kit.at(20) })
      assert.deepEqual(stats.deliveries, { pending: 2, succeeded: 2, failed: 2, cancelled: 0 })
      assert.equal(stats.backlog, 4)
    })

    test('count only attempts started before until', async (kit) => {
      const instants = [9, 10, 19, 20]
      await kit.addDeliveries(4, await kit.addEndpoint())
      for (const [index, row] of (await kit.claimed(0)).entries()) {
        const settlement = kit.settlement(row, index % 2 === 0 ? 'succeeded' : 'failed')
        settlement.attempt.startedAt = kit.at(instants[index] ?? 0)
        await kit.settle(settlement)
      }
      const stats = await kit.storage.stats({ tenantId, since: kit.at(10), until: kit.at(20) })
      assert.deepEqual(stats.attempts, { succeeded: 1, failed: 1 })
    })

    test('percentiles go by nearest rank', async (kit) => {
      const durations = [40, 10, 30, 20]
      await kit.addDeliveries(4, await kit.addEndpoint())
      for (const [index, row] of (await kit.claimed(0)).entries()) {
        const settlement = kit.settlement(row, 'succeeded')
        settlement.attempt.durationMs = durations[index] ?? 0
        await kit.settle(settlement)
      }
      const { durationMs } = await kit.storage.stats({ tenantId, since: kit.at(0) })
      assert.deepEqual(durationMs, { p50: 20, p95: 40, p99: 40 })
    })

    test('of a tenant count events not yet fanned out into the backlog', async (kit) => {
      const { endpoint } = await kit.addDelivery()
      await kit.addEvents(3)
      await kit.addEvent({ fanOut: false })
      await kit.claimEvents(0, { limit: 1 })
      assert.equal((await kit.storage.stats({ tenantId, since: kit.at(0) })).backlog, 4)
      const ofEndpoint = { tenantId, endpointId: endpoint.id, since: kit.at(0) }
      assert.equal((await kit.storage.stats(ofEndpoint)).backlog, 1)
    })

    test('of an endpoint are its own', async (kit) => {
      const { endpoint } = await kit.addSettled('failed', { createdAt: kit.at(5) })
      await kit.addDeliveries(2, endpoint, { createdAt: kit.at(6) })
      await kit.addSettled('succeeded')
      await kit.addDelivery({ createdAt: kit.at(1) })
      const stats = await kit.storage.stats({ tenantId, endpointId: endpoint.id, since: kit.at(0) })
      assert.deepEqual(stats, {
        deliveries: { pending: 2, succeeded: 0, failed: 1, cancelled: 0 },
        attempts: { succeeded: 0, failed: 1 },
        durationMs: { p50: null, p95: null, p99: null },
        backlog: 2,
        oldestPendingAt: kit.at(6),
      })
    })
  })
}

export function backlogTests({ describe, test }: Suite): void {
  describe('backlog', () => {
    const none = { count: 0, oldestAt: null }

    test('of nothing is zeros and nulls', async (kit) => {
      assert.deepEqual(await kit.storage.backlog({ now: kit.at(0) }), {
        events: none,
        deliveries: none,
        endpoints: { disabled: 0, paused: 0, failing: 0, healthy: 0 },
      })
    })

    test('counts what waits, leased or not, over all tenants, and names the oldest', async (kit) => {
      await kit.addSettled('succeeded', { createdAt: kit.at(1) })
      await kit.addSettled('failed', { createdAt: kit.at(2) })
      await kit.addLeased({ createdAt: kit.at(5) })
      await kit.addDelivery({ tenantId: 'tenant-b', createdAt: kit.at(4) })
      await kit.addDelivery({ createdAt: kit.at(6) })
      const { deliveries, events } = await kit.storage.backlog({ now: kit.at(9) })
      assert.deepEqual(deliveries, { count: 3, oldestAt: kit.at(4) })
      assert.deepEqual(events, none)
    })

    test('counts events until their fan-out is done', async (kit) => {
      await kit.addEvent({ fanOut: false, createdAt: kit.at(1) })
      const done = await kit.addEvent({ createdAt: kit.at(2) })
      const leaseToken = kit.id('lease')
      await kit.claimEvents(9, { leaseToken })
      await kit.addEvent({ tenantId: 'tenant-b', createdAt: kit.at(3) })
      await kit.addEvent({ createdAt: kit.at(4) })
      const waiting = async () => (await kit.storage.backlog({ now: kit.at(9) })).events
      assert.deepEqual(await waiting(), { count: 3, oldestAt: kit.at(2) })
      const results = [{ eventId: done.id, leaseToken, deliveries: [], done: true }]
      await kit.storage.fanOut({ now: kit.at(9), results })
      assert.deepEqual(await waiting(), { count: 2, oldestAt: kit.at(3) })
    })

    test('counts each endpoint once, in the first state that is true of it', async (kit) => {
      const failed = { succeeded: false, failedAttempts: 1, failedAt: kit.at(1) }
      const failure = { ...failed, leaseTokens: [] }
      const failing = await kit.addEndpoint()
      const paused = await kit.addEndpoint({ tenantId: 'tenant-b' })
      const rested = await kit.addEndpoint()
      const disabled = await kit.addEndpoint()
      const deleted = await kit.addEndpoint()
      await kit.addEndpoint()
      await kit.storage.recordHealth({
        changes: [
          { ...failure, endpointId: failing.id, pausedUntil: null },
          { ...failure, endpointId: paused.id, pausedUntil: kit.at(10) },
          { ...failure, endpointId: rested.id, pausedUntil: kit.at(9) },
          { ...failure, endpointId: disabled.id, pausedUntil: kit.at(10) },
        ],
      })
      await kit.storage.updateEndpoint({
        tenantId: disabled.tenantId,
        id: disabled.id,
        changes: { active: false, disabledAt: kit.at(2), disabledReason: 'manual' },
        now: kit.at(2),
      })
      await kit.storage.deleteEndpoint({
        tenantId: deleted.tenantId,
        id: deleted.id,
        now: kit.at(3),
      })
      const { endpoints } = await kit.storage.backlog({ now: kit.at(9) })
      assert.deepEqual(endpoints, { disabled: 1, paused: 1, failing: 2, healthy: 1 })
    })
  })
}

export function pruneTests({ describe, test }: Suite): void {
  describe('pruning', () => {
    const late = (kit: SuiteKit) => kit.at(10_000)

    test('deletes final deliveries with their attempts, then their events', async (kit) => {
      const rows = []
      for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
        rows.push(await kit.addSettled(status))
      }
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 3, events: 3 })
      for (const { delivery, event } of rows) {
        assert.equal(await kit.storage.getDelivery({ tenantId, id: delivery.id }), null)
        assert.deepEqual(await kit.eventsOf([event]), [])
      }
      const deliveryIds = rows.map(({ delivery }) => delivery.id)
      assert.deepEqual(await kit.storage.listAttempts({ tenantId, deliveryIds }), [])
      assert.equal((await kit.storage.listDeliveries({ tenantId, ...firstPage })).total, 0)
      assert.equal((await kit.storage.listEvents({ tenantId, ...firstPage })).total, 0)
    })

    test('keeps what is not older than `before`', async (kit) => {
      const { delivery, event } = await kit.addSettled('succeeded')
      assert.deepEqual(delivery.completedAt, kit.at(1_000))
      const early = await kit.storage.prune({ before: kit.at(1_000), limit: 100 })
      assert.deepEqual(early, { deliveries: 0, events: 0 })
      assert.deepEqual(await kit.get(delivery), delivery)
      const newer = await kit.addEvent({ fanOut: false, createdAt: kit.at(1_001) })
      const gone = await kit.storage.prune({ before: kit.at(1_001), limit: 100 })
      assert.deepEqual(gone, { deliveries: 1, events: 1 })
      assert.deepEqual(idsOf(await kit.eventsOf([event, newer])), [newer.id])
    })

    test('never touches what is pending, however old', async (kit) => {
      const { delivery } = await kit.addDelivery({ createdAt: kit.at(-90_000_000) })
      const { delivery: held } = await kit.addLeased({ createdAt: kit.at(-90_000_000) })
      const { delivery: retrying } = await kit.addSettled('pending')
      const [waiting, fanningOut] = [await kit.addEvent(), await kit.addEvent()]
      await kit.claimEvents(0, { limit: 1 })
      const gone = await kit.storage.prune({ before: kit.at(900_000_000), limit: 100 })
      assert.deepEqual(gone, { deliveries: 0, events: 0 })
      for (const row of [delivery, held, retrying]) assert.deepEqual(await kit.get(row), row)
      assert.equal((await kit.eventsOf([waiting, fanningOut])).length, 2)
      const { tenantId: tenant, id } = retrying
      const attempts = await kit.storage.listAttempts({ tenantId: tenant, deliveryIds: [id] })
      assert.equal(attempts.length, 1)
    })

    test('keeps an event while it has a delivery', async (kit) => {
      const { event, delivery } = await kit.addSettled('succeeded')
      const other = kit.delivery(event, await kit.addEndpoint())
      await kit.storage.insertDeliveries({ deliveries: [other] })
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 1, events: 0 })
      assert.equal(await kit.storage.getDelivery({ tenantId, id: delivery.id }), null)
      assert.deepEqual(await kit.eventsOf([event]), [event])
      assert.deepEqual(idsOf((await kit.claim(0)).events), [event.id])
    })

    test('deletes no more than `limit`, the oldest first, until less remains', async (kit) => {
      const rows = []
      for (const at of [300, 100, 200]) {
        const { delivery, event } = await kit.addLeased()
        await kit.settle(kit.settlement(delivery, 'failed', { at }))
        rows.push({ delivery, event })
      }
      const prune = () => kit.storage.prune({ before: late(kit), limit: 2 })
      assert.deepEqual(await prune(), { deliveries: 2, events: 0 })
      const left = await kit.storage.listDeliveries({ tenantId, ...firstPage })
      assert.deepEqual(idsOf(left.items), [rows[0]?.delivery.id])
      assert.deepEqual(await prune(), { deliveries: 1, events: 1 })
      assert.deepEqual(await prune(), { deliveries: 0, events: 2 })
      assert.deepEqual(await prune(), { deliveries: 0, events: 0 })
    })

    test('deletes events that reached nobody', async (kit) => {
      const event = await kit.addEvent()
      const leaseToken = kit.id('lease')
      await kit.claimEvents(0, { leaseToken })
      const results = [{ eventId: event.id, leaseToken, deliveries: [], done: true }]
      await kit.storage.fanOut({ now: kit.at(0), results })
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 0, events: 1 })
    })

    test('leaves a delivery that was re-queued', async (kit) => {
      const { delivery } = await kit.addSettled('failed')
      const { id } = delivery
      await kit.storage.requeueDeliveries({ tenantId, ids: [id], now: kit.at(2_000) })
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 0, events: 0 })
      assert.deepEqual(idsOf(await kit.claimed(2_000)), [id])
    })

    test('frees the idempotency key of a deleted event', async (kit) => {
      const event = kit.event({ fanOut: false, idempotencyKey: 'k' })
      await kit.storage.insertEvents({ events: [event] })
      await kit.storage.prune({ before: late(kit), limit: 100 })
      const next = kit.event({ idempotencyKey: 'k' })
      const answer = only(await kit.storage.insertEvents({ events: [next] }))
      assert.equal(answer.id, next.id)
      assert.equal(answer.inserted, true)
    })

    test('reaches all tenants, and leaves endpoints that exist', async (kit) => {
      const { endpoint } = await kit.addSettled('succeeded')
      await kit.addSettled('succeeded', { tenantId: 'tenant-b' })
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 2, events: 2 })
      assert.deepEqual(await kit.getEndpoint(endpoint), endpoint)
    })

    test('of a deleted endpoint waits for its log, and then leaves no trace', async (kit) => {
      const { endpoint, delivery } = await kit.addDelivery()
      const { id } = endpoint
      await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(1) })
      await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(idsOf(await kit.claimed(0)), [delivery.id])
      const held = await kit.get(delivery)
      await kit.settle(kit.settlement(held, 'failed'))
      const gone = await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.deepEqual(gone, { deliveries: 1, events: 1 })
      // The id is free again, which shows that the row itself is gone.
      const again = await kit.addEndpoint({ id, url: 'https://again.example/' })
      assert.equal(again.url, 'https://again.example/')
    })

    test('leaves no deleted endpoint at its end, however many there are', async (kit) => {
      const ids: string[] = []
      for (let count = 0; count < 5; count++) ids.push((await kit.addEndpoint()).id)
      for (const id of ids) await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(1) })
      const gone = await kit.storage.prune({ before: late(kit), limit: 2 })
      assert.deepEqual(gone, { deliveries: 0, events: 0 })
      for (const id of ids) {
        const again = await kit.addEndpoint({ id, url: 'https://again.example/' })
        assert.equal(again.url, 'https://again.example/')
      }
    })

    test('does not disturb the turns of what stays', async (kit) => {
      const { endpoint } = await kit.addSettled('succeeded')
      const rows = await kit.addDeliveries(3, endpoint)
      await kit.storage.prune({ before: late(kit), limit: 100 })
      assert.equal((await kit.claimed(0)).length, 3)
      assert.equal((await kit.claimed(leaseMs)).length, rows.length)
    })
  })
}
