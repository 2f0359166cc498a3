import assert from 'node:assert/strict'
import type { NewDelivery } from '../../storage/storage.ts'
import { firstPage, idsOf, leaseMs, only } from './kit.ts'
import type { Suite } from './suite.ts'

const texts: Record<string, string> = {
  'emoji and scripts': '🦊👩‍👩‍👧‍👦 Ünïcödé 日本語 العربية',
  'U+0000': 'before\u0000after\u0000',
  separators: ',;|\u001c\u001d\u001e\u001f{}',
  'nothing but a separator': '\u001e',
  'control and line characters': '\u0001\u001f\u007f\u0085\u2028\u2029\r\n\t',
  'quotes and SQL': `'; DROP TABLE events; -- " \\ \` $1 ? % _ {}`,
  'spaces at both ends': '  padded  ',
  'text that looks like a number': '0012.50e3',
  'unnormalised text': 'e\u0301 \u00e9 \uFEFF',
  'non-characters': '\uFFFE\uFFFF\u{1FFFF}\u{10FFFF}',
}

export function textTests({ describe, test, capabilities }: Suite): void {
  describe('odd text', () => {
    for (const [name, text] of Object.entries(texts)) {
      test(`${name}: comes back as given, everywhere`, async (kit) => {
        const tenantId = `tenant ${text}`
        const event = await kit.addEvent({
          tenantId,
          body: JSON.stringify({ text }) + text,
          channels: [text],
          idempotencyKey: text,
          fanOut: false,
        })
        assert.equal(event.body, JSON.stringify({ text }) + text)
        assert.deepEqual(event.channels, [text])
        assert.equal(event.idempotencyKey, text)
        const repeated = kit.event({ tenantId, idempotencyKey: text })
        const answer = only(await kit.storage.insertEvents({ events: [repeated] }))
        assert.equal(answer.id, event.id)

        const given = kit.endpoint({
          tenantId,
          description: text,
          channels: [text],
          filter: { path: text, equals: text },
          headers: { 'x-odd': text },
          secrets: [{ value: text, createdAt: kit.at(0), expiresAt: null }],
          metadata: { [text]: text },
        })
        const endpoint = await kit.storage.insertEndpoint({ endpoint: given })
        const { description, channels, filter, headers, secrets, metadata } = endpoint
        assert.deepEqual(
          { ...given, description, channels, filter, headers, secrets, metadata },
          given,
        )
        assert.deepEqual(await kit.getEndpoint(given), endpoint)

        const lease = { leaseToken: `lease ${text}`, dueAt: kit.at(leaseMs) }
        const delivery = kit.delivery(event, endpoint, lease)
        await kit.storage.insertDeliveries({ deliveries: [delivery] })
        const held = await kit.get(delivery)
        const lastError = { code: 'http_status', message: text, origin: 'receiver' } as const
        const settlement = kit.settlement(held, 'failed', { lastError })
        settlement.attempt = {
          ...settlement.attempt,
          url: text,
          requestHeaders: { 'x-odd': text },
          response: { status: 500, headers: { 'x-odd': text }, body: text, bodyTruncated: true },
          error: lastError,
        }
        assert.deepEqual(await kit.settle(settlement), [delivery.id])
        assert.deepEqual((await kit.get(delivery)).lastError, lastError)
        const deliveryIds = [delivery.id]
        assert.deepEqual(await kit.storage.listAttempts({ tenantId, deliveryIds }), [
          settlement.attempt,
        ])
      })
    }

    const lone = 'a\ud800b\udc00c'
    const outcome = capabilities.loneSurrogates ? 'come back as given' : 'may become U+FFFD'
    test(`lone surrogates ${outcome}, and make nothing fail`, async (kit) => {
      const event = await kit.addEvent({ body: lone, channels: [lone], idempotencyKey: lone })
      const allowed = capabilities.loneSurrogates ? [lone] : [lone, lone.toWellFormed()]
      assert.ok(allowed.includes(event.body), `the body became ${JSON.stringify(event.body)}`)
      const endpoint = await kit.addEndpoint({ description: lone, metadata: { key: lone } })
      assert.ok(allowed.includes(endpoint.description))
      assert.ok(allowed.includes(endpoint.metadata.key ?? ''))
    })

    test('a body and an answer of 256 KiB come back whole', async (kit) => {
      const body = JSON.stringify({ text: '🦊é\u0000x'.repeat(40_000) }).slice(0, 262_144)
      const event = await kit.addEvent({ body, fanOut: false })
      assert.equal(event.body, body)
      const lease = { leaseToken: 'lease_1', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(event, await kit.addEndpoint(), lease)
      await kit.storage.insertDeliveries({ deliveries: [delivery] })
      const settlement = kit.settlement(await kit.get(delivery), 'succeeded')
      const response = { status: 200, headers: {}, body, bodyTruncated: false }
      settlement.attempt = { ...settlement.attempt, response }
      await kit.settle(settlement)
      const deliveryIds = [delivery.id]
      const attempts = await kit.storage.listAttempts({ tenantId: 'tenant-a', deliveryIds })
      assert.equal(only(attempts).response?.body, body)
    })

    test('an empty answer is not one that never came', async (kit) => {
      const lease = { leaseToken: 'lease_1', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(
        await kit.addEvent({ fanOut: false }),
        await kit.addEndpoint(),
        lease,
      )
      await kit.storage.insertDeliveries({ deliveries: [delivery] })
      const settlement = kit.settlement(await kit.get(delivery), 'succeeded')
      const response = { status: 204, headers: {}, body: '', bodyTruncated: false }
      settlement.attempt = { ...settlement.attempt, response }
      await kit.settle(settlement)
      const deliveryIds = [delivery.id]
      const attempts = await kit.storage.listAttempts({ tenantId: 'tenant-a', deliveryIds })
      assert.deepEqual(only(attempts).response, response)
    })

    test('instants from 1970 to 9999 keep their milliseconds', async (kit) => {
      for (const instant of ['1970-01-01T00:00:00.001Z', '9999-12-31T23:59:59.999Z']) {
        const event = await kit.addEvent({ createdAt: new Date(instant), fanOut: false })
        assert.equal(event.createdAt.toISOString(), instant)
        const endpoint = await kit.addEndpoint()
        const delivery = kit.delivery(event, endpoint, { dueAt: new Date(instant) })
        await kit.storage.insertDeliveries({ deliveries: [delivery] })
        assert.equal((await kit.get(delivery)).dueAt?.toISOString(), instant)
      }
    })
  })
}

export function sizeTests({ describe, test, batchSize }: Suite): void {
  describe(`batches of ${batchSize}`, () => {
    test('go through every step whole', async (kit) => {
      const tenantId = 'tenant-a'
      const endpoint = await kit.addEndpoint()
      const events = Array.from({ length: batchSize }, (_, index) =>
        kit.event({ idempotencyKey: `key ${index}` }),
      )
      const answers = await kit.storage.insertEvents({ events })
      assert.deepEqual(idsOf(answers), idsOf(events))
      assert.ok(answers.every(({ inserted }) => inserted))
      const repeated = events.map((event) => ({ ...event, id: kit.id('evt') }))
      const again = await kit.storage.insertEvents({ events: repeated })
      assert.deepEqual(idsOf(again), idsOf(events))
      assert.ok(!again.some(({ inserted }) => inserted))
      assert.equal(
        (await kit.storage.getEvents({ tenantId, ids: idsOf(events) })).length,
        batchSize,
      )

      const leaseToken = kit.id('lease')
      const claimed = await kit.claimEvents(0, { limit: batchSize, leaseToken })
      assert.deepEqual(idsOf(claimed), idsOf(events))
      const deliveries: NewDelivery[] = claimed.map((event) => kit.delivery(event, endpoint))
      const results = deliveries.map((delivery) => ({
        eventId: delivery.eventId,
        leaseToken,
        deliveries: [delivery],
        done: true,
      }))
      const answer = await kit.storage.fanOut({ now: kit.at(0), results })
      assert.equal(answer.events.length, batchSize)

      const everything = { limit: 2 * batchSize, perEndpoint: 2 * batchSize }
      const claim = await kit.claim(0, everything)
      assert.equal(claim.deliveries.length, batchSize)
      assert.equal(claim.events.length, batchSize)
      const leases = claim.deliveries.map(({ id, leaseToken: token }) => ({
        id,
        leaseToken: token ?? '',
      }))
      const renewed = await kit.storage.renewLeases({ leases, leaseUntil: kit.at(2 * leaseMs) })
      assert.equal(renewed.length, batchSize)
      const settlements = claim.deliveries.map((row) => kit.settlement(row, 'failed'))
      assert.equal((await kit.settle(...settlements)).length, batchSize)
      const deliveryIds = idsOf(claim.deliveries)
      assert.equal((await kit.storage.listAttempts({ tenantId, deliveryIds })).length, batchSize)

      const now = kit.at(5_000)
      const requeued = await kit.storage.requeueDeliveries({ tenantId, ids: deliveryIds, now })
      assert.equal(requeued.length, batchSize)
      const held = await kit.claimed(5_000, everything)
      const heldLeases = held.map(({ id, leaseToken: token }) => ({ id, leaseToken: token ?? '' }))
      await kit.storage.releaseDeliveries({ now, leases: heldLeases })
      const which = { endpointId: endpoint.id }
      const limit = 2 * batchSize
      const reason = 'manual' as const
      const cancelled = await kit.storage.cancelDeliveries({ tenantId, which, reason, now, limit })
      assert.equal(cancelled.length, batchSize)

      const middle = batchSize >> 1
      const page = { ...firstPage, limit: 1 }
      const byNumber = await kit.storage.listEvents({ tenantId, ...page, offset: middle })
      assert.equal(byNumber.total, batchSize)
      const before = events[batchSize - middle]?.id ?? null
      const byCursor = await kit.storage.listEvents({ tenantId, ...page, before })
      assert.deepEqual(idsOf(byNumber.items), [events[batchSize - middle - 1]?.id])
      assert.deepEqual(byCursor.items, byNumber.items)
      const gone = await kit.storage.prune({ before: kit.at(9_999), limit: 3 * batchSize })
      assert.deepEqual(gone, { deliveries: batchSize, events: batchSize })
    })

    test('of one event to many endpoints are fanned out whole', async (kit) => {
      const count = Math.ceil(batchSize / 10)
      for (let made = 0; made < count; made += 1) await kit.addEndpoint()
      const event = await kit.addEvent()
      const leaseToken = kit.id('lease')
      await kit.claimEvents(0, { leaseToken })
      const subscribers = await kit.storage.listSubscribers({
        tenantId: event.tenantId,
        position: event.position,
        emittedAt: event.createdAt,
        after: null,
        limit: 2 * count,
      })
      assert.equal(subscribers.length, count)
      const deliveries = subscribers.map((endpoint) => kit.delivery(event, endpoint))
      const results = [{ eventId: event.id, leaseToken, deliveries, done: true }]
      await kit.storage.fanOut({ now: kit.at(0), results })
      const claim = await kit.claim(0, { limit: 2 * count, perEndpoint: 1 })
      assert.equal(claim.deliveries.length, count)
      assert.equal(claim.events.length, 1)
      assert.equal(claim.endpoints.length, count)
    })
  })
}
