import assert from 'node:assert/strict'
import { firstPage, idsOf, only } from './kit.ts'
import type { Suite } from './suite.ts'

const own = 'tenant-a'
const foreign = 'tenant-b'

/** Every method that takes a tenant, called with another tenant's ids. */
export function tenantTests({ describe, test }: Suite): void {
  describe('another tenant', () => {
    test('is not read by any method', async (kit) => {
      const { event, endpoint, delivery } = await kit.addSettled('failed', { tenantId: foreign })
      const { storage } = kit
      await kit.addEvent({ tenantId: foreign })
      const scope = { tenantId: own }
      const ids = { endpointId: endpoint.id, eventId: event.id }
      const nothing = { items: [], total: 0 }
      assert.deepEqual(await storage.getEvents({ ...scope, ids: [event.id] }), [])
      assert.deepEqual(await storage.listEvents({ ...scope, ...firstPage }), nothing)
      assert.deepEqual(await storage.listEndpoints({ ...scope, ...firstPage }), nothing)
      assert.deepEqual(await storage.listDeliveries({ ...scope, ...firstPage }), nothing)
      for (const filter of [ids, { endpointId: endpoint.id }, { eventId: event.id }]) {
        const listed = await storage.listDeliveries({ ...scope, ...firstPage, ...filter })
        assert.deepEqual(listed, nothing)
      }
      assert.equal(await storage.getDelivery({ ...scope, id: delivery.id }), null)
      assert.deepEqual(await storage.listAttempts({ ...scope, deliveryIds: [delivery.id] }), [])
      assert.equal(await storage.getEndpoint({ ...scope, id: endpoint.id }), null)
      const [since, until] = [kit.at(-1_000), kit.at(1_000)]
      const missing = { endpointId: endpoint.id, since, until, after: null, limit: 9 }
      assert.deepEqual(await storage.listEventsWithoutDelivery({ ...scope, ...missing }), [])
      const subscribers = { position: 1_000_000, emittedAt: kit.at(0), after: null, limit: 9 }
      assert.deepEqual(await storage.listSubscribers({ ...scope, ...subscribers }), [])
      for (const endpointId of [undefined, endpoint.id]) {
        const stats = await storage.stats({ ...scope, endpointId, since })
        assert.deepEqual(stats.deliveries, { pending: 0, succeeded: 0, failed: 0, cancelled: 0 })
        assert.deepEqual(stats.attempts, { succeeded: 0, failed: 0 })
        assert.equal(stats.backlog, 0)
        assert.equal(stats.oldestPendingAt, null)
      }
    })

    test('is not changed by any method', async (kit) => {
      const { storage } = kit
      const { delivery, endpoint } = await kit.addDelivery({ tenantId: foreign })
      const { delivery: failed } = await kit.addSettled('failed', { tenantId: foreign })
      const scope = { tenantId: own, now: kit.at(50) }
      const ids = [delivery.id, failed.id]
      assert.deepEqual(await storage.requeueDeliveries({ ...scope, ids }), [])
      for (const which of [{ ids }, { endpointId: endpoint.id }]) {
        const asked = { ...scope, which, reason: 'manual' as const, limit: 9 }
        assert.deepEqual(await storage.cancelDeliveries(asked), [])
      }
      const changes = { url: 'https://evil.example/' }
      assert.equal(await storage.updateEndpoint({ ...scope, id: endpoint.id, changes }), null)
      assert.equal(
        await storage.updateEndpoint({ ...scope, id: endpoint.id, changes, ifVersion: 1 }),
        null,
      )
      assert.equal(await storage.deleteEndpoint({ ...scope, id: endpoint.id }), false)
      assert.deepEqual(await kit.get(delivery), delivery)
      assert.deepEqual(await kit.get(failed), failed)
      assert.deepEqual(await kit.getEndpoint(endpoint), endpoint)
    })

    test('does not show among one’s own', async (kit) => {
      const { storage } = kit
      const mine = await kit.addSettled('succeeded')
      await kit.addSettled('failed', { tenantId: foreign })
      const scope = { tenantId: own }
      const events = await storage.listEvents({ ...scope, ...firstPage })
      assert.deepEqual(events, { items: [mine.event], total: 1 })
      const endpoints = await storage.listEndpoints({ ...scope, ...firstPage })
      assert.deepEqual(endpoints, { items: [mine.endpoint], total: 1 })
      const deliveries = await storage.listDeliveries({ ...scope, ...firstPage })
      assert.deepEqual(deliveries, { items: [mine.delivery], total: 1 })
      const stats = await storage.stats({ ...scope, since: kit.at(-1_000) })
      assert.deepEqual(stats.deliveries, { pending: 0, succeeded: 1, failed: 0, cancelled: 0 })
      assert.deepEqual(stats.attempts, { succeeded: 1, failed: 0 })
    })

    test('whose name differs in case or spaces only is another one', async (kit) => {
      const names = ['acme', 'ACME', ' acme', 'acme ', '']
      for (const tenantId of names) await kit.addEvent({ tenantId })
      for (const tenantId of names) {
        const { items } = await kit.storage.listEvents({ tenantId, ...firstPage })
        assert.equal(only(items).tenantId, tenantId)
      }
    })
  })
}

/** Clocks of hosts differ and are set back; storage takes whatever `now` it is given. */
export function clockTests({ describe, test }: Suite): void {
  describe('a clock that goes backwards', () => {
    test('between claims: what is not due at the earlier time is not claimed', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const [early] = await kit.addDeliveries(1, endpoint, { dueAt: kit.at(100) })
      const [late] = await kit.addDeliveries(1, endpoint, { dueAt: kit.at(900) })
      assert.equal((await kit.claimed(1_000, { limit: 1 })).length, 1)
      assert.deepEqual(await kit.claimed(899), [])
      assert.deepEqual(idsOf(await kit.claimed(900)), [late?.id])
      assert.ok(early)
    })

    test('between claims: a lease of the later time is not ended by it', async (kit) => {
      await kit.addDelivery()
      await kit.addEvent()
      const far = 10_000_000
      await kit.claimed(far)
      await kit.claimEvents(far)
      assert.deepEqual(await kit.claimed(0), [])
      assert.deepEqual(await kit.claimEvents(0), [])
    })

    test('after leases were seen to end: they hold again at the earlier time', async (kit) => {
      for (let count = 0; count < 2; count += 1) {
        await kit.addEvent()
        await kit.addDelivery()
      }
      const leaseForMs = 1_000
      await kit.claimed(0, { leaseForMs })
      await kit.claimEvents(0, { leaseForMs })
      assert.equal((await kit.claimed(1_000, { limit: 1 })).length, 1)
      assert.equal((await kit.claimEvents(1_000, { limit: 1 })).length, 1)
      assert.deepEqual(await kit.claimed(999), [])
      assert.deepEqual(await kit.claimEvents(999), [])
      assert.equal((await kit.claimed(1_000)).length, 1)
      assert.equal((await kit.claimEvents(1_000)).length, 1)
    })

    test('under a rate limit: gives no token early and takes none away', async (kit) => {
      const rateLimit = { limit: 2, intervalMs: 2_000 }
      await kit.addDeliveries(9, await kit.addEndpoint({ rateLimit }))
      assert.equal((await kit.claimed(10_000)).length, 2)
      assert.equal((await kit.claimed(0)).length, 0)
      assert.equal((await kit.claimed(9_999)).length, 0)
      assert.equal((await kit.claimed(11_000)).length, 1)
    })

    test('between settle and claim: a retry waits for its own time', async (kit) => {
      const { delivery } = await kit.addLeased()
      await kit.settle(kit.settlement(delivery, 'pending', { at: 5_000, dueAt: kit.at(9_000) }))
      assert.deepEqual(await kit.claimed(-5_000), [])
      assert.deepEqual(await kit.claimed(8_999), [])
      assert.deepEqual(idsOf(await kit.claimed(9_000)), [delivery.id])
    })

    test('on emit: later events with earlier times are fanned out and found', async (kit) => {
      const first = await kit.addEvent({ createdAt: kit.at(5_000) })
      const second = await kit.addEvent({ createdAt: kit.at(-5_000) })
      assert.deepEqual(await kit.claimEvents(-5_000), [first, second])
      const { items } = await kit.storage.listEvents({
        tenantId: own,
        ...firstPage,
        until: kit.at(0),
      })
      assert.deepEqual(items, [second])
    })
  })
}
