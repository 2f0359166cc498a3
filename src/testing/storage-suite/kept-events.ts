import assert from 'node:assert/strict'
import type { EventRecord, NewDelivery } from '../../storage/storage.ts'
import { assertSameIds, idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function keptEventTests({ describe, test }: Suite): void {
  describe('events that are inserted under a lease', () => {
    test('are nobody else’s before it ends, and whole then', async (kit) => {
      const [events] = await addKept(kit, 2)
      assert.deepEqual(await kit.claimEvents(leaseMs - 1), [])
      assert.deepEqual(await kit.claimEvents(leaseMs), events)
    })

    test('leave those to others that have none, in the same call', async (kit) => {
      const lease = { leaseToken: 'lease_own', leaseUntil: kit.at(leaseMs) }
      const given = [kit.event({ lease }), kit.event(), kit.event({ lease, tenantId: 'tenant-b' })]
      const answers = await kit.storage.insertEvents({ events: given })
      const stored = await kit.eventsOf(given)
      assert.deepEqual(
        answers.map(({ position }) => position),
        stored.map(({ position }) => position),
      )
      assert.deepEqual(idsOf(await kit.claimEvents(0)), [given[1]?.id])
      assertSameIds(await kit.claimEvents(leaseMs), given)
    })

    test('are fanned out under its token, and under no other', async (kit) => {
      const [[first, second, third], leaseToken] = await addKept(kit, 3)
      assert.deepEqual(await fanOut(kit, first, 'lease_other'), [])
      assert.deepEqual(await fanOut(kit, first, leaseToken), [first.id])
      assert.deepEqual(await fanOut(kit, first, leaseToken), [], 'a second time')
      assert.deepEqual(await fanOut(kit, third, leaseToken, { toNobody: true }), [third.id])
      assert.deepEqual(idsOf(await kit.claimEvents(leaseMs)), [second.id])
      const { items } = await kit.storage.listDeliveries({
        ...{ tenantId: first.tenantId, limit: 10, offset: 0, before: null, withTotal: false },
      })
      assert.deepEqual(
        items.map(({ eventId }) => eventId),
        [first.id],
      )
    })

    test('are fanned out by several calls at once, none in the way of another', async (kit) => {
      const [events, leaseToken] = await addKept(kit, 30)
      const accepted = await Promise.all(events.map((event) => fanOut(kit, event, leaseToken)))
      assert.deepEqual(accepted.flat(), idsOf(events))
      assert.deepEqual(await kit.claimEvents(leaseMs), [])
    })

    test('may be fanned out with attempts that have ended, each in its next state', async (kit) => {
      const [[accepted, refused], leaseToken] = await addKept(kit, 2)
      const endpoint = await kit.addEndpoint()
      const lease = { leaseToken: 'lease_of_delivery', dueAt: kit.at(leaseMs) }
      const [first, second] = [accepted, refused].map((event) =>
        kit.delivery(event, endpoint, lease),
      ) as [NewDelivery, NewDelivery]
      const results = [first, second].map((delivery) => ({
        ...{ eventId: delivery.eventId, leaseToken, deliveries: [delivery], done: true },
      }))
      const settlements = [
        kit.settlement(first, 'succeeded', { at: 40 }),
        kit.settlement(second, 'pending', { at: 50, dueAt: kit.at(900) }),
      ]
      const answer = await kit.storage.fanOut({ now: kit.at(60), results, settlements })
      assertSameIds(answer.settled, [first, second])
      assert.equal((await kit.get(first)).status, 'succeeded')
      const waiting = await kit.get(second)
      assert.deepEqual(waiting.dueAt, kit.at(900))
      assert.equal(waiting.leaseToken, null)
      assert.equal(waiting.attempts, 1)
      assert.deepEqual(await kit.claimed(899), [])
      assert.deepEqual(idsOf(await kit.claimed(900)), [second.id])
    })

    test('may be fanned out in parts, and are due again if the last one never comes', async (kit) => {
      const [[done, left], leaseToken] = await addKept(kit, 2)
      for (const event of [done, left]) {
        assert.deepEqual(await fanOut(kit, event, leaseToken, { isPart: true }), [event.id])
      }
      assert.deepEqual(await fanOut(kit, done, leaseToken), [done.id])
      assert.deepEqual(await kit.claimEvents(leaseMs - 1), [])
      assert.deepEqual(idsOf(await kit.claimEvents(leaseMs)), [left.id])
    })

    test('may be fanned out after it has ended, until somebody else has them', async (kit) => {
      const [[first, second], leaseToken] = await addKept(kit, 2)
      // Others come first, so that the claim does not reach them.
      const other = await kit.addEvent({ id: 'evt_0' })
      assert.equal(only(await kit.claimEvents(leaseMs, { limit: 1 })).id, first.id)
      assert.deepEqual(await fanOut(kit, first, leaseToken), [])
      assert.deepEqual(await fanOut(kit, second, leaseToken), [second.id])
      assert.deepEqual(idsOf(await kit.claimEvents(leaseMs)), [other.id])
    })

    test('given back are due at once; the others under its token stay', async (kit) => {
      const [[first, second], leaseToken] = await addKept(kit, 2)
      const release = (token: string) =>
        kit.storage.releaseEvents({
          now: kit.at(5),
          leases: [{ id: first.id, leaseToken: token }],
        })
      await release('lease_other')
      assert.deepEqual(await kit.claimEvents(5), [])
      await release(leaseToken)
      assert.deepEqual(await kit.claimEvents(5), [first])
      assert.deepEqual(await fanOut(kit, first, leaseToken), [])
      assert.deepEqual(await fanOut(kit, second, leaseToken), [second.id])
    })

    test('that are named twice are given back once', async (kit) => {
      const [[first], leaseToken] = await addKept(kit, 2)
      const lease = { id: first.id, leaseToken }
      await kit.storage.releaseEvents({ now: kit.at(5), leases: [lease, { ...lease }] })
      assert.deepEqual(await kit.claimEvents(5), [first])
    })

    test('come once where the insert is repeated, and under the first lease', async (kit) => {
      const lease = { leaseToken: 'lease_own', leaseUntil: kit.at(leaseMs) }
      const event = kit.event({ lease })
      const answers = [
        await kit.storage.insertEvents({ events: [event] }),
        await kit.storage.insertEvents({ events: [event, kit.event({ lease })] }),
      ]
      assert.deepEqual(answers[0]?.[0], answers[1]?.[0])
      const [stored] = await kit.eventsOf([event])
      assert.ok(stored)
      assert.deepEqual(await fanOut(kit, stored, 'lease_own'), [event.id])
      assert.equal(only(await kit.claimEvents(leaseMs)).id === event.id, false)
    })

    test('whose key is taken are not inserted, and lease nothing', async (kit) => {
      const standing = await kit.addEvent({ idempotencyKey: 'k' })
      const lease = { leaseToken: 'lease_own', leaseUntil: kit.at(leaseMs) }
      const answer = await kit.storage.insertEvents({
        events: [kit.event({ idempotencyKey: 'k', lease }), kit.event({ lease })],
      })
      assert.deepEqual(
        answer.map(({ inserted }) => inserted),
        [false, true],
      )
      assert.deepEqual(await fanOut(kit, standing, 'lease_own'), [])
      assert.deepEqual(await kit.claimEvents(0), [standing])
    })

    test('count as waiting, until they are fanned out', async (kit) => {
      const [[event], leaseToken] = await addKept(kit, 1, { createdAt: kit.at(3) })
      const { tenantId } = event
      const endpoint = await kit.addEndpoint()
      const look = async () => ({
        backlog: (await kit.storage.backlog({ now: kit.at(9) })).events,
        ofTenant: (await kit.storage.stats({ tenantId, since: kit.at(0) })).backlog,
        nextDueAt: await kit.storage.nextDueAt({ exclude: [] }),
        missing: await kit.storage.listEventsWithoutDelivery({
          ...{ tenantId, endpointId: endpoint.id, since: kit.at(0), until: kit.at(9) },
          ...{ after: null, limit: 10 },
        }),
        pruned: await kit.storage.prune({ before: kit.at(9), limit: 10 }),
      })
      assert.deepEqual(await look(), {
        backlog: { count: 1, oldestAt: kit.at(3) },
        ofTenant: 1,
        nextDueAt: kit.at(leaseMs),
        missing: [],
        pruned: { deliveries: 0, events: 0 },
      })
      await fanOut(kit, event, leaseToken, { toNobody: true })
      assert.deepEqual(await look(), {
        backlog: { count: 0, oldestAt: null },
        ofTenant: 0,
        nextDueAt: null,
        missing: [event],
        pruned: { deliveries: 0, events: 1 },
      })
    })
  })
}

type AtLeastThree = [EventRecord, EventRecord, EventRecord, ...EventRecord[]]

/** Events under one lease, which ends at `leaseMs`, and its token. */
async function addKept(
  kit: SuiteKit,
  count: number,
  given: { createdAt?: Date } = {},
): Promise<[events: AtLeastThree, leaseToken: string]> {
  const lease = { leaseToken: kit.id('lease'), leaseUntil: kit.at(leaseMs) }
  const events = await kit.addEvents(count, { ...given, lease })
  return [events as AtLeastThree, lease.leaseToken]
}

/** @returns Ids of events accepted. */
async function fanOut(
  kit: SuiteKit,
  event: EventRecord,
  leaseToken: string,
  { toNobody = false, isPart = false } = {},
): Promise<string[]> {
  const endpoint = toNobody ? null : await kit.addEndpoint({ tenantId: event.tenantId })
  const deliveries = endpoint === null ? [] : [kit.delivery(event, endpoint)]
  const results = [{ eventId: event.id, leaseToken, deliveries, done: !isPart }]
  return (await kit.storage.fanOut({ now: kit.at(0), results })).events
}
