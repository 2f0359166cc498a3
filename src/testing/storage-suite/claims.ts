import assert from 'node:assert/strict'
import { assertSameIds, idsOf, leaseMs, only } from './kit.ts'
import type { Suite } from './suite.ts'

export function claimTests({ describe, test }: Suite): void {
  describe('deliveries outside a fan-out', () => {
    test('are inserted pending, and the answer names them', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const events = await kit.addEvents(2, { fanOut: false })
      const deliveries = events.map((event) => kit.delivery(event, endpoint))
      assertSameIds(await kit.storage.insertDeliveries({ deliveries }), deliveries)
      assertSameIds(await kit.claimed(0), deliveries)
      assert.deepEqual(await kit.storage.insertDeliveries({ deliveries: [] }), [])
    })

    test('a second one for the same event and endpoint is left out', async (kit) => {
      const { event, endpoint, delivery } = await kit.addDelivery()
      const other = await kit.addEndpoint()
      const again = [kit.delivery(event, endpoint), kit.delivery(event, other)]
      assert.deepEqual(await kit.storage.insertDeliveries({ deliveries: again }), [again[1]?.id])
      assertSameIds(await kit.claimed(0), [delivery.id, again[1]?.id ?? ''])
    })

    test('may be leased from the start', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const event = await kit.addEvent({ fanOut: false })
      const lease = { leaseToken: 'lease_test', dueAt: kit.at(leaseMs) }
      const delivery = kit.delivery(event, endpoint, lease)
      await kit.storage.insertDeliveries({ deliveries: [delivery] })
      const stored = await kit.get(delivery)
      assert.equal(stored.leaseToken, 'lease_test')
      assert.deepEqual(stored.dueAt, kit.at(leaseMs))
      assert.deepEqual(await kit.claimed(leaseMs - 1), [])
      assert.deepEqual(await kit.settle(kit.settlement(stored, 'succeeded')), [delivery.id])
    })
  })

  describe('a claim', () => {
    test('takes what is due, to the millisecond', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const [due] = await kit.addDeliveries(1, endpoint, { dueAt: kit.at(100) })
      await kit.addDeliveries(1, endpoint, { dueAt: kit.at(101) })
      assert.deepEqual(await kit.claimed(99), [])
      assert.deepEqual(idsOf(await kit.claimed(100)), [due?.id])
    })

    test('sets the token and moves `dueAt` to the end of the lease', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const claimed = only(await kit.claimed(10, { leaseToken: 'lease_1', leaseForMs: 777 }))
      const expected = { ...delivery, leaseToken: 'lease_1', dueAt: kit.at(787) }
      assert.deepEqual(claimed, expected)
      assert.deepEqual(await kit.get(delivery), expected)
    })

    test('brings the events and the endpoints, whole and each once', async (kit) => {
      const endpoints = [
        await kit.addEndpoint({
          headers: { 'x-key': 'value' },
          filter: null,
          metadata: { team: 'billing' },
          retry: { delaysMs: [0, 10], jitter: 0 },
        }),
        await kit.addEndpoint({ url: 'https://other.example/' }),
      ]
      const events = await kit.addEvents(2, { fanOut: false, channels: ['eu'] })
      const deliveries = events.flatMap((event) =>
        endpoints.map((endpoint) => kit.delivery(event, endpoint)),
      )
      await kit.storage.insertDeliveries({ deliveries })
      const claim = await kit.claim(0)
      assertSameIds(claim.deliveries, deliveries)
      assertSameIds(claim.events, events)
      assertSameIds(claim.endpoints, endpoints)
      for (const event of events) {
        assert.deepEqual(
          claim.events.find(({ id }) => id === event.id),
          event,
        )
      }
      for (const endpoint of endpoints) {
        assert.deepEqual(
          claim.endpoints.find(({ id }) => id === endpoint.id),
          endpoint,
        )
      }
    })

    test('shows an endpoint as it is at that moment', async (kit) => {
      const { endpoint } = await kit.addDelivery()
      const { tenantId, id } = endpoint
      const changes = { url: 'https://moved.example/' }
      await kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(1) })
      assert.equal(only((await kit.claim(1)).endpoints).url, 'https://moved.example/')
    })

    test('takes no more than its limit, the smallest `dueAt` first', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const dues = [50, 10, 40, 20, 30]
      const rows = []
      for (const due of dues) {
        rows.push(...(await kit.addDeliveries(1, endpoint, { dueAt: kit.at(due) })))
      }
      const [at50, at10, at40, at20, at30] = idsOf(rows)
      assertSameIds(await kit.claimed(100, { limit: 2 }), [at10 ?? '', at20 ?? ''])
      assertSameIds(await kit.claimed(100, { limit: 2 }), [at30 ?? '', at40 ?? ''])
      assertSameIds(await kit.claimed(100, { limit: 2 }), [at50 ?? ''])
      assert.deepEqual(await kit.claimed(100, { limit: 2 }), [])
    })

    test('of nothing is empty', async (kit) => {
      assert.deepEqual(await kit.claim(0), { deliveries: [], events: [], endpoints: [] })
    })

    test('at the same time as others never shares a delivery with them', async (kit) => {
      const endpoints = [await kit.addEndpoint(), await kit.addEndpoint({ tenantId: 'tenant-b' })]
      const added = []
      for (const endpoint of endpoints) added.push(...(await kit.addDeliveries(40, endpoint)))
      const claims = await Promise.all(
        Array.from({ length: 16 }, () => kit.claimed(0, { limit: 10 })),
      )
      assertSameIds(claims.flat(), added)
      for (const claim of claims) {
        for (const { id, tenantId, leaseToken } of claim) {
          assert.equal((await kit.get({ id, tenantId })).leaseToken, leaseToken)
        }
      }
    })

    test('leaves what is final alone, for ever', async (kit) => {
      for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
        await kit.addSettled(status)
      }
      assert.deepEqual(await kit.claimed(1_000 * leaseMs), [])
    })

    test('takes deliveries of inactive endpoints like others', async (kit) => {
      const { endpoint, delivery } = await kit.addDelivery()
      const { tenantId, id } = endpoint
      const changes = {
        active: false,
        disabledAt: kit.at(1),
        disabledReason: 'manual' as const,
      }
      await kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(1) })
      const claim = await kit.claim(1)
      assert.deepEqual(idsOf(claim.deliveries), [delivery.id])
      assert.equal(only(claim.endpoints).active, false)
    })

    test('takes deliveries of deleted endpoints, and leaves the endpoint out', async (kit) => {
      const { endpoint, event, delivery } = await kit.addDelivery()
      const { tenantId, id } = endpoint
      await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(1) })
      const claim = await kit.claim(1)
      assert.deepEqual(idsOf(claim.deliveries), [delivery.id])
      assert.deepEqual(idsOf(claim.events), [event.id])
      assert.deepEqual(claim.endpoints, [])
    })

    test('gives copies: changing them changes nothing that is stored', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const claim = await kit.claim(0)
      const stored = await kit.get(delivery)
      only(claim.deliveries).status = 'failed'
      only(claim.events).body = 'changed'
      only(claim.endpoints).url = 'changed'
      assert.deepEqual(await kit.get(delivery), stored)
      const again = await kit.claim(leaseMs)
      assert.notEqual(only(again.events).body, 'changed')
      assert.notEqual(only(again.endpoints).url, 'changed')
    })
  })

  describe('a lease', () => {
    test('that has ended makes the delivery due again, under another token', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const first = only(await kit.claimed(0))
      assert.deepEqual(await kit.claimed(leaseMs - 1), [])
      const second = only(await kit.claimed(leaseMs))
      assert.equal(second.id, delivery.id)
      assert.notEqual(second.leaseToken, first.leaseToken)
    })

    test('is renewed under its token', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const { id, leaseToken } = only(await kit.claimed(0))
      const leases = [{ id, leaseToken: leaseToken ?? '' }]
      const leaseUntil = kit.at(1.5 * leaseMs)
      assert.deepEqual(await kit.storage.renewLeases({ leases, leaseUntil }), [id])
      assert.deepEqual((await kit.get(delivery)).dueAt, leaseUntil)
      assert.deepEqual(await kit.claimed(leaseMs), [])
      assert.deepEqual(idsOf(await kit.claimed(1.5 * leaseMs)), [id])
    })

    test('that is named twice is renewed once', async (kit) => {
      const { delivery } = await kit.addLeased()
      const lease = { id: delivery.id, leaseToken: delivery.leaseToken ?? '' }
      const params = { leases: [lease, { ...lease }], leaseUntil: kit.at(2 * leaseMs) }
      assert.deepEqual(await kit.storage.renewLeases(params), [delivery.id])
    })

    test('that has passed on is not renewed', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const first = only(await kit.claimed(0))
      const second = only(await kit.claimed(leaseMs))
      const renewed = await kit.storage.renewLeases({
        leases: [
          { id: first.id, leaseToken: first.leaseToken ?? '' },
          { id: 'dlv_unknown', leaseToken: second.leaseToken ?? '' },
        ],
        leaseUntil: kit.at(9 * leaseMs),
      })
      assert.deepEqual(renewed, [])
      assert.deepEqual(await kit.get(delivery), second)
    })

    test('that has ended, but passed to nobody, is renewed', async (kit) => {
      await kit.addDelivery()
      const { id, leaseToken } = only(await kit.claimed(0))
      const leases = [{ id, leaseToken: leaseToken ?? '' }]
      const leaseUntil = kit.at(3 * leaseMs)
      assert.deepEqual(await kit.storage.renewLeases({ leases, leaseUntil }), [id])
      assert.deepEqual(await kit.claimed(2 * leaseMs), [])
    })

    test('given back leaves no trace, and the delivery is due at once', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const { id, leaseToken } = only(await kit.claimed(0))
      const leases = [{ id, leaseToken: leaseToken ?? '' }]
      await kit.storage.releaseDeliveries({ now: kit.at(20), leases })
      assert.deepEqual(await kit.get(delivery), { ...delivery, dueAt: kit.at(20) })
      assert.deepEqual(
        await kit.storage.listAttempts({ tenantId: delivery.tenantId, deliveryIds: [id] }),
        [],
      )
      assert.deepEqual(idsOf(await kit.claimed(20)), [id])
    })

    test('that has passed on is not given back', async (kit) => {
      const { delivery } = await kit.addDelivery()
      const first = only(await kit.claimed(0))
      const second = only(await kit.claimed(leaseMs))
      const leases = [{ id: first.id, leaseToken: first.leaseToken ?? '' }]
      await kit.storage.releaseDeliveries({ now: kit.at(leaseMs), leases })
      assert.deepEqual(await kit.get(delivery), second)
    })
  })
}
