import assert from 'node:assert/strict'
import { assertSameIds, countBy, idsOf, only } from './kit.ts'
import type { Suite } from './suite.ts'

export function eventTests({ describe, test }: Suite): void {
  describe('events', () => {
    test('come back as they were given, to the millisecond, with a position', async (kit) => {
      const given = kit.event({
        body: '{"type":"document.processed","data":{"title":"Über 100 % – ✓"}}',
        channels: ['eu', 'invoices'],
        idempotencyKey: 'order 42',
        createdAt: kit.at(7),
      })
      const answers = await kit.storage.insertEvents({ events: [given] })
      const { fanOut: _, lease: __, ...expected } = given
      const { position, ...stored } = only(await kit.eventsOf([given]))
      assert.deepEqual(stored, expected)
      assert.ok(Number.isSafeInteger(position))
      const { id, createdAt } = given
      assert.deepEqual(answers, [{ id, createdAt, position, inserted: true }])
    })

    test('keep their trace context, and the lack of one, up to the claim', async (kit) => {
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
      const given = [kit.event({ traceparent }), kit.event({ traceparent: null })]
      await kit.storage.insertEvents({ events: given })
      const ofRead = (await kit.eventsOf(given)).map((event) => event.traceparent)
      assert.deepEqual(ofRead, [traceparent, null])
      const leaseToken = kit.id('lease')
      const ofClaim = (await kit.claimEvents(0, { leaseToken })).map((event) => event.traceparent)
      assert.deepEqual(ofClaim, [traceparent, null])
      const endpoint = await kit.addEndpoint()
      const results = given.map((event) => ({
        ...{
          eventId: event.id,
          leaseToken,
          deliveries: [kit.delivery(event, endpoint)],
          done: true,
        },
      }))
      await kit.storage.fanOut({ now: kit.at(0), results })
      const { events } = await kit.claim(0)
      const traces = new Map(events.map((event) => [event.id, event.traceparent]))
      assert.deepEqual(
        given.map(({ id }) => traces.get(id)),
        [traceparent, null],
      )
    })

    test('an empty list is a no-op', async (kit) => {
      assert.deepEqual(await kit.storage.insertEvents({ events: [] }), [])
      assert.deepEqual(await kit.storage.getEvents({ tenantId: 'tenant-a', ids: [] }), [])
    })

    test('positions rise strictly in the order of insertion, over all tenants', async (kit) => {
      const events = ['a', 'b', 'a', 'c', 'b'].map((tenantId) => kit.event({ tenantId }))
      await kit.storage.insertEvents({ events: events.slice(0, 3) })
      await kit.storage.insertEvents({ events: events.slice(3) })
      const positions = (await kit.eventsOf(events)).map(({ position }) => position)
      assert.equal(new Set(positions).size, 5)
      assert.deepEqual(
        positions,
        [...positions].sort((a, b) => a - b),
      )
    })

    test('positions follow insertion, not ids or clocks', async (kit) => {
      const [late, early] = [kit.event({ createdAt: kit.at(0) }), kit.event({ id: 'evt_000' })]
      await kit.storage.insertEvents({ events: [late] })
      await kit.storage.insertEvents({ events: [{ ...early, createdAt: kit.at(-60_000) }] })
      const [first, second] = await kit.eventsOf([late, early])
      assert.ok(first && second && first.position < second.position)
    })

    test('positions stay distinct when many insert at once', async (kit) => {
      const batches = Array.from({ length: 20 }, () => [kit.event(), kit.event({ tenantId: 'b' })])
      await Promise.all(batches.map((events) => kit.storage.insertEvents({ events })))
      const stored = await kit.eventsOf(batches.flat())
      assert.equal(new Set(stored.map(({ position }) => position)).size, 40)
    })

    test('unknown ids are left out of a look-up, and a repeated one counts once', async (kit) => {
      const event = await kit.addEvent()
      const found = await kit.storage.getEvents({
        tenantId: event.tenantId,
        ids: [event.id, 'evt_unknown', event.id],
      })
      assert.deepEqual(found, [event])
    })

    test('changing a record that was handed out changes nothing that is stored', async (kit) => {
      const event = await kit.addEvent({ channels: ['eu'] })
      const handedOut = only(await kit.eventsOf([event]))
      handedOut.body = 'changed'
      handedOut.channels.push('changed')
      assert.deepEqual(await kit.eventsOf([event]), [event])
    })
  })

  describe('idempotency', () => {
    test('a key that is in the table names the event that stands', async (kit) => {
      const first = kit.event({ idempotencyKey: 'k', createdAt: kit.at(1) })
      const second = kit.event({ idempotencyKey: 'k', createdAt: kit.at(2), body: '{}' })
      await kit.storage.insertEvents({ events: [first] })
      const { position } = only(await kit.eventsOf([first]))
      assert.deepEqual(await kit.storage.insertEvents({ events: [second] }), [
        { id: first.id, createdAt: first.createdAt, position, inserted: false },
      ])
      assert.deepEqual(await kit.eventsOf([second]), [])
    })

    test('a key that stands earlier in the same list does as well', async (kit) => {
      const [first, other, second] = [
        kit.event({ idempotencyKey: 'k' }),
        kit.event(),
        kit.event({ idempotencyKey: 'k' }),
      ]
      const answers = await kit.storage.insertEvents({ events: [first, other, second] })
      assert.deepEqual(idsOf(answers), [first.id, other.id, first.id])
      assert.deepEqual(
        answers.map(({ inserted }) => inserted),
        [true, true, false],
      )
      assertSameIds(await kit.claimEvents(0), [first, other])
    })

    test('the same key in another tenant is another key', async (kit) => {
      const events = ['a', 'b'].map((tenantId) => kit.event({ tenantId, idempotencyKey: 'k' }))
      const answers = await kit.storage.insertEvents({ events })
      assert.ok(answers.every(({ inserted }) => inserted))
      assert.equal((await kit.eventsOf(events)).length, 2)
    })

    test('events without a key never stand in each other’s way', async (kit) => {
      const answers = await kit.storage.insertEvents({ events: [kit.event(), kit.event()] })
      assert.ok(answers.every(({ inserted }) => inserted))
    })

    test('keys are compared exactly: case, spaces and the empty key', async (kit) => {
      const keys = ['k', 'K', 'k ', ' k', '', 'ķ']
      const events = keys.map((idempotencyKey) => kit.event({ idempotencyKey }))
      const answers = await kit.storage.insertEvents({ events })
      assert.ok(answers.every(({ inserted }) => inserted))
    })

    test('a repeated id counts as inserted and changes nothing', async (kit) => {
      const event = kit.event({ idempotencyKey: 'k' })
      await kit.storage.insertEvents({ events: [event] })
      const stored = only(await kit.eventsOf([event]))
      const answer = await kit.storage.insertEvents({ events: [{ ...event, body: 'changed' }] })
      const { id, createdAt, position } = stored
      assert.deepEqual(answer, [{ id, createdAt, position, inserted: true }])
      assert.deepEqual(await kit.eventsOf([event]), [stored])
    })

    test('a repeated id does not start a second fan-out', async (kit) => {
      const event = kit.event()
      await kit.storage.insertEvents({ events: [event, event] })
      const leaseToken = kit.id('lease')
      assert.deepEqual(idsOf(await kit.claimEvents(0, { leaseToken })), [event.id])
      await kit.storage.fanOut({
        now: kit.at(0),
        results: [{ eventId: event.id, leaseToken, deliveries: [], done: true }],
      })
      await kit.storage.insertEvents({ events: [event] })
      assert.deepEqual(await kit.claimEvents(0), [])
    })

    test('of many at once with one key, one is inserted and named by all', async (kit) => {
      const events = Array.from({ length: 20 }, () => kit.event({ idempotencyKey: 'race' }))
      const answers = await Promise.all(
        events.map(async (event) => only(await kit.storage.insertEvents({ events: [event] }))),
      )
      assert.deepEqual(
        countBy(answers, ({ inserted }) => String(inserted)),
        {
          true: 1,
          false: 19,
        },
      )
      const winner = only(answers.filter(({ inserted }) => inserted))
      assert.ok(answers.every(({ id }) => id === winner.id))
      assert.deepEqual(idsOf(await kit.eventsOf(events)), [winner.id])
    })
  })
}
