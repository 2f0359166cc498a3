import assert from 'node:assert/strict'
import { assertSameIds, idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function fanOutTests({ describe, test }: Suite): void {
  describe('events that wait for their fan-out', () => {
    test('are claimed whole, the oldest position first, whatever the time', async (kit) => {
      const events = await kit.addEvents(5)
      assert.deepEqual(await kit.claimEvents(-1_000_000, { limit: 3 }), events.slice(0, 3))
      assert.deepEqual(await kit.claimEvents(-1_000_000), events.slice(3))
    })

    test('are leased: nobody else gets them before the lease has ended', async (kit) => {
      const event = await kit.addEvent()
      await kit.claimEvents(0)
      assert.deepEqual(await kit.claimEvents(leaseMs - 1), [])
      assert.deepEqual(idsOf(await kit.claimEvents(leaseMs)), [event.id])
    })

    test('those that were never to be fanned out are never claimed', async (kit) => {
      await kit.addEvent({ fanOut: false })
      assert.deepEqual(await kit.claimEvents(0), [])
    })

    test('go to one of many who claim at once, never to two', async (kit) => {
      const events = await kit.addEvents(60)
      const claims = await Promise.all(
        Array.from({ length: 12 }, () => kit.claimEvents(0, { limit: 10 })),
      )
      assertSameIds(claims.flat(), events)
    })

    test('given back are due at once, and only under their token', async (kit) => {
      const event = await kit.addEvent()
      const leaseToken = kit.id('lease')
      await kit.claimEvents(0, { leaseToken })
      const release = (token: string) =>
        kit.storage.releaseEvents({
          now: kit.at(5),
          leases: [{ id: event.id, leaseToken: token }],
        })
      await release('lease_other')
      assert.deepEqual(await kit.claimEvents(5), [])
      await release(leaseToken)
      assert.deepEqual(idsOf(await kit.claimEvents(5)), [event.id])
      await release(leaseToken)
      assert.deepEqual(await kit.claimEvents(6), [], 'a token that has passed on releases nothing')
    })
  })

  describe('fan-out', () => {
    test('adds the deliveries and ends the wait', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const event = await kit.addEvent()
      const leaseToken = kit.id('lease')
      await kit.claimEvents(0, { leaseToken })
      const delivery = kit.delivery(event, endpoint, {
        dueAt: kit.at(250),
        createdAt: kit.at(10),
      })
      const results = [{ eventId: event.id, leaseToken, deliveries: [delivery], done: true }]
      const answer = await kit.storage.fanOut({ now: kit.at(10), results })
      assert.deepEqual(answer, { events: [event.id], settled: [] })
      assert.deepEqual(await kit.get(delivery), {
        ...delivery,
        attempts: 0,
        step: 0,
        faults: 0,
        responseStatus: null,
        lastError: null,
        completedAt: null,
        leaseToken: null,
      })
      assert.deepEqual(await kit.claimEvents(10 * leaseMs), [])
      assert.deepEqual(await kit.claimed(249), [])
      assert.deepEqual(idsOf(await kit.claimed(250)), [delivery.id])
    })

    test('records a delivery that is cancelled from the start', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const delivery = kit.delivery(event, endpoint, {
        status: 'cancelled',
        cancelReason: 'endpoint_disabled',
        dueAt: null,
        createdAt: kit.at(20),
      })
      const results = [{ eventId: event.id, leaseToken, deliveries: [delivery], done: true }]
      await kit.storage.fanOut({ now: kit.at(20), results })
      const stored = await kit.get(delivery)
      assert.equal(stored.status, 'cancelled')
      assert.equal(stored.cancelReason, 'endpoint_disabled')
      assert.equal(stored.dueAt, null)
      assert.deepEqual(stored.completedAt, kit.at(20))
      assert.deepEqual(await kit.claimed(leaseMs), [])
    })

    test('to nobody ends the wait as well', async (kit) => {
      const { event, leaseToken } = await claimedEvent(kit)
      const results = [{ eventId: event.id, leaseToken, deliveries: [], done: true }]
      const { events } = await kit.storage.fanOut({ now: kit.at(0), results })
      assert.deepEqual(events, [event.id])
      assert.deepEqual(await kit.claimEvents(leaseMs), [])
    })

    test('in parts keeps the lease until the last one', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const first = [
        { eventId: event.id, leaseToken, deliveries: [kit.delivery(event, endpoint)], done: false },
      ]
      const before = await kit.storage.fanOut({ now: kit.at(0), results: first })
      assert.deepEqual(before.events, [event.id])
      assert.deepEqual(await kit.claimEvents(leaseMs - 1), [])
      const second = [
        {
          eventId: event.id,
          leaseToken,
          deliveries: [kit.delivery(event, await kit.addEndpoint())],
          done: true,
        },
      ]
      const after = await kit.storage.fanOut({ now: kit.at(0), results: second })
      assert.deepEqual(after.events, [event.id])
      assert.deepEqual(await kit.claimEvents(leaseMs), [])
      assert.equal((await kit.claimed(0)).length, 2)
    })

    test('that died half-way is due again at the end of its lease', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const results = [
        { eventId: event.id, leaseToken, deliveries: [kit.delivery(event, endpoint)], done: false },
      ]
      await kit.storage.fanOut({ now: kit.at(0), results })
      assert.deepEqual(idsOf(await kit.claimEvents(leaseMs)), [event.id])
    })

    test('done twice makes each delivery once', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const other = await kit.addEndpoint()
      const first = kit.delivery(event, endpoint)
      await kit.storage.fanOut({
        now: kit.at(0),
        results: [{ eventId: event.id, leaseToken, deliveries: [first], done: false }],
      })
      const secondToken = kit.id('lease')
      await kit.claimEvents(leaseMs, { leaseToken: secondToken })
      const again = [kit.delivery(event, endpoint), kit.delivery(event, other)]
      const { events } = await kit.storage.fanOut({
        now: kit.at(leaseMs),
        results: [{ eventId: event.id, leaseToken: secondToken, deliveries: again, done: true }],
      })
      assert.deepEqual(events, [event.id])
      assertSameIds(await kit.claimed(leaseMs), [first.id, again[1]?.id ?? ''])
    })

    test('names an endpoint twice in one part and makes one delivery', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const deliveries = [kit.delivery(event, endpoint), kit.delivery(event, endpoint)]
      await kit.storage.fanOut({
        now: kit.at(0),
        results: [{ eventId: event.id, leaseToken, deliveries, done: true }],
      })
      assert.deepEqual(idsOf(await kit.claimed(0)), [deliveries[0]?.id])
    })

    test('by a worker whose lease has passed on adds and settles nothing', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const standing = await kit.addEvent()
      await kit.claimEvents(leaseMs)
      const lease = { leaseToken: 'lease_own', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(event, endpoint, lease)
      const late = await kit.storage.fanOut({
        now: kit.at(leaseMs),
        results: [
          { eventId: event.id, leaseToken, deliveries: [delivery], done: true },
          { eventId: standing.id, leaseToken, deliveries: [], done: true },
          { eventId: 'evt_unknown', leaseToken, deliveries: [], done: true },
        ],
        settlements: [kit.settlement(delivery, 'succeeded')],
      })
      assert.deepEqual(late, { events: [], settled: [] })
      assert.deepEqual(await kit.claimed(leaseMs), [])
      const { tenantId } = event
      const deliveryIds = [delivery.id]
      assert.deepEqual(await kit.storage.listAttempts({ tenantId, deliveryIds }), [])
      assertSameIds(await kit.claimEvents(2 * leaseMs), [event, standing])
    })

    test('takes events under different tokens in one call', async (kit) => {
      const [first, second] = [await kit.addEvent(), await kit.addEvent()]
      const endpoint = await kit.addEndpoint()
      const tokens = [kit.id('lease'), kit.id('lease')]
      for (const leaseToken of tokens) await kit.claimEvents(0, { limit: 1, leaseToken })
      const results = [first, second].map((event, n) => ({
        eventId: event.id,
        leaseToken: tokens[n] ?? '',
        deliveries: [kit.delivery(event, endpoint)],
        done: true,
      }))
      const { events } = await kit.storage.fanOut({ now: kit.at(0), results })
      assertSameIds(events, [first, second])
    })

    test('under a lease that has expired, but passed to nobody, still counts', async (kit) => {
      const { event, endpoint, leaseToken } = await claimedEvent(kit)
      const { events } = await kit.storage.fanOut({
        now: kit.at(2 * leaseMs),
        results: [
          {
            eventId: event.id,
            leaseToken,
            deliveries: [kit.delivery(event, endpoint)],
            done: true,
          },
        ],
      })
      assert.deepEqual(events, [event.id])
      assert.deepEqual(await kit.claimEvents(2 * leaseMs), [])
    })

    test('of a batch takes what is held and leaves out the rest', async (kit) => {
      const [held, foreign] = [await kit.addEvent(), await kit.addEvent()]
      const endpoint = await kit.addEndpoint()
      const leaseToken = kit.id('lease')
      assert.deepEqual(idsOf(await kit.claimEvents(0, { limit: 1, leaseToken })), [held.id])
      await kit.claimEvents(0)
      const results = [foreign, held].map((event) => ({
        eventId: event.id,
        leaseToken,
        deliveries: [kit.delivery(event, endpoint)],
        done: true,
      }))
      const { events } = await kit.storage.fanOut({ now: kit.at(0), results })
      assert.deepEqual(events, [held.id])
      assert.equal(only(await kit.claimed(0)).eventId, held.id)
    })
  })
}

/** An event in the hands of a worker, and somebody to get it. */
export async function claimedEvent(kit: SuiteKit) {
  const endpoint = await kit.addEndpoint()
  const event = await kit.addEvent()
  const leaseToken = kit.id('lease')
  assert.deepEqual(idsOf(await kit.claimEvents(0, { leaseToken })), [event.id])
  return { event, endpoint, leaseToken }
}
