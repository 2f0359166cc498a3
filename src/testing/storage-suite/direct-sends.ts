import assert from 'node:assert/strict'
import { claimedEvent } from './fan-out.ts'
import { assertSameIds, idsOf, leaseMs } from './kit.ts'
import type { Suite } from './suite.ts'

export function directSendTests({ describe, test }: Suite): void {
  describe('a fan-out of what is on its way already', () => {
    test('may add deliveries that are leased from the start, beside others', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const leased = kit.delivery(event, endpoint, {
        leaseToken: 'lease_own',
        dueAt: kit.at(leaseMs),
      })
      const other = kit.delivery(event, await kit.addEndpoint())
      const results = [{ eventId: event.id, leaseToken, deliveries: [other, leased], done: true }]
      const answer = await kit.storage.fanOut({ now: kit.at(0), results })
      assert.deepEqual(answer, { events: [event.id], settled: [] })
      const stored = await kit.get(leased)
      assert.equal(stored.leaseToken, 'lease_own')
      assert.deepEqual(stored.dueAt, kit.at(leaseMs))
      assert.deepEqual(idsOf(await kit.claimed(leaseMs - 1)), [other.id])
      assert.deepEqual(await kit.settle(kit.settlement(stored, 'succeeded')), [leased.id])
    })

    test('leaves a delivery whose leaseholder died due at the end of its lease', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const lease = { leaseToken: 'lease_own', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(event, endpoint, lease)
      const results = [{ eventId: event.id, leaseToken, deliveries: [delivery], done: true }]
      await kit.storage.fanOut({ now: kit.at(0), results })
      const stored = await kit.get(delivery)
      // A claim that finds nothing to take may put the endpoint aside until something is due.
      assert.deepEqual(await kit.claimed(1), [])
      const next = await kit.storage.nextDueAt({ exclude: [] })
      assert.ok(next !== null && next <= kit.at(leaseMs), `next is ${next?.toISOString()}`)
      assert.deepEqual(idsOf(await kit.claimed(leaseMs)), [delivery.id])
      assert.deepEqual(await kit.settle(kit.settlement(stored, 'succeeded')), [])
    })

    test('may add deliveries whose first attempt has ended, each in its next state', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const lease = { leaseToken: 'lease_own', dueAt: kit.at(leaseMs) }
      const to = async () => kit.delivery(event, await kit.addEndpoint(), lease)
      const accepted = kit.delivery(event, endpoint, lease)
      const [again, givenUp, underWay] = [await to(), await to(), await to()]
      const settlements = [
        kit.settlement(accepted, 'succeeded', { at: 40 }),
        kit.settlement(again, 'pending', { at: 50, dueAt: kit.at(900) }),
        kit.settlement(givenUp, 'failed', { at: 60 }),
      ]
      const deliveries = [underWay, accepted, again, givenUp]
      const results = [{ eventId: event.id, leaseToken, deliveries, done: true }]
      const answer = await kit.storage.fanOut({ now: kit.at(70), results, settlements })
      assertSameIds(answer.settled, [accepted, again, givenUp])
      for (const settlement of settlements) {
        const { id, leaseToken: _, attempt, ...state } = settlement
        const stored = await kit.get({ ...attempt, id })
        assert.deepEqual(stored, {
          ...deliveries.find((delivery) => delivery.id === id),
          ...state,
          leaseToken: null,
        })
      }
      const { tenantId } = event
      const deliveryIds = idsOf(deliveries)
      const attempts = await kit.storage.listAttempts({ tenantId, deliveryIds })
      assert.deepEqual(
        attempts,
        settlements.map(({ attempt }) => attempt),
      )
      assert.deepEqual(await kit.claimed(899), [])
      assert.deepEqual(idsOf(await kit.claimed(900)), [again.id])
      assert.deepEqual(await kit.settle(...settlements), [], 'it is settled already')
      assert.deepEqual(await kit.settle(kit.settlement(underWay, 'succeeded')), [underWay.id])
    })

    test('settles only under the token under which it adds', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const lease = { leaseToken: 'lease_own', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(event, endpoint, lease)
      const settlements = [kit.settlement({ ...delivery, leaseToken: 'lease_other' }, 'succeeded')]
      const results = [{ eventId: event.id, leaseToken, deliveries: [delivery], done: true }]
      const answer = await kit.storage.fanOut({ now: kit.at(0), results, settlements })
      assert.deepEqual(answer, { events: [event.id], settled: [] })
      assert.equal((await kit.get(delivery)).status, 'pending')
      const deliveryIds = [delivery.id]
      const { tenantId } = event
      assert.deepEqual(await kit.storage.listAttempts({ tenantId, deliveryIds }), [])
    })

    test('done twice leases and settles only what it adds', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const first = kit.delivery(event, endpoint)
      const part = [{ eventId: event.id, leaseToken, deliveries: [first], done: false }]
      await kit.storage.fanOut({ now: kit.at(0), results: part })
      const secondToken = kit.id('lease')
      await kit.claimEvents(leaseMs, { leaseToken: secondToken })
      const lease = { leaseToken: 'lease_own', dueAt: kit.at(2 * leaseMs) }
      const repeated = kit.delivery(event, endpoint, lease)
      const leased = kit.delivery(event, await kit.addEndpoint(), lease)
      const settled = kit.delivery(event, await kit.addEndpoint(), lease)
      const deliveries = [repeated, leased, settled]
      const answer = await kit.storage.fanOut({
        now: kit.at(leaseMs),
        results: [{ eventId: event.id, leaseToken: secondToken, deliveries, done: true }],
        settlements: [repeated, settled].map((row) => kit.settlement(row, 'succeeded')),
      })
      assert.deepEqual(answer.settled, [settled.id])
      assert.equal((await kit.get(first)).leaseToken, null)
      assert.equal((await kit.get(first)).attempts, 0)
      assert.equal((await kit.get(leased)).leaseToken, 'lease_own')
    })
  })
}
