import assert from 'node:assert/strict'
import type { DeliveryRecord, Settlement } from '../../storage/storage.ts'
import { idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function settlingTests({ describe, test }: Suite): void {
  describe('settling', () => {
    for (const status of ['succeeded', 'failed', 'cancelled', 'pending'] as const) {
      test(`to ${status} writes the attempt and the next state whole`, async (kit) => {
        const { delivery } = await kit.addLeased()
        const settlement = kit.settlement(delivery, status, { step: 4, faults: 2 })
        assert.deepEqual(await kit.settle(settlement), [delivery.id])
        assert.deepEqual(await kit.get(delivery), settled(delivery, settlement))
        assert.deepEqual(await attemptsOf(kit, delivery), [settlement.attempt])
      })
    }

    test('to pending makes the delivery due at its time, with its lease ended', async (kit) => {
      const { delivery } = await kit.addLeased()
      await kit.settle(kit.settlement(delivery, 'pending', { dueAt: kit.at(700) }))
      assert.deepEqual(await kit.claimed(699), [])
      assert.deepEqual(idsOf(await kit.claimed(700)), [delivery.id])
    })

    test('a failure without an answer is kept as such', async (kit) => {
      const { delivery } = await kit.addLeased()
      const error = { code: 'timeout', message: 'No answer in 30 s', origin: 'network' } as const
      const settlement = kit.settlement(delivery, 'failed', {
        responseStatus: null,
        lastError: error,
      })
      settlement.attempt = { ...settlement.attempt, response: null, error }
      await kit.settle(settlement)
      assert.deepEqual(await attemptsOf(kit, delivery), [settlement.attempt])
      assert.equal((await kit.get(delivery)).responseStatus, null)
      assert.deepEqual((await kit.get(delivery)).lastError, error)
    })

    test('twice under one token counts once', async (kit) => {
      const { delivery } = await kit.addLeased()
      const first = kit.settlement(delivery, 'failed')
      assert.deepEqual(await kit.settle(first), [delivery.id])
      assert.deepEqual(await kit.settle(kit.settlement(delivery, 'succeeded')), [])
      assert.deepEqual(await kit.settle(first), [])
      assert.deepEqual(await kit.get(delivery), settled(delivery, first))
      assert.deepEqual(await attemptsOf(kit, delivery), [first.attempt])
    })

    test('twice in one call counts the first', async (kit) => {
      const { delivery } = await kit.addLeased()
      const first = kit.settlement(delivery, 'succeeded')
      const accepted = await kit.settle(first, kit.settlement(delivery, 'failed'))
      assert.deepEqual(accepted, [delivery.id])
      assert.deepEqual(await kit.get(delivery), settled(delivery, first))
      assert.deepEqual(await attemptsOf(kit, delivery), [first.attempt])
    })

    test('late, under a token that has passed on, is dropped whole', async (kit) => {
      const { delivery: stale } = await kit.addLeased()
      const held = only(await kit.claimed(leaseMs))
      assert.deepEqual(await kit.settle(kit.settlement(stale, 'succeeded')), [])
      assert.deepEqual(await kit.get(held), held)
      assert.deepEqual(await attemptsOf(kit, held), [])
      assert.deepEqual(await kit.settle(kit.settlement(held, 'failed')), [held.id])
    })

    test('late, under a lease that has ended but passed to nobody, counts', async (kit) => {
      const { delivery } = await kit.addLeased()
      const settlement = kit.settlement(delivery, 'succeeded', { at: 5 * leaseMs })
      assert.deepEqual(await kit.settle(settlement), [delivery.id])
      assert.equal((await kit.get(delivery)).status, 'succeeded')
    })

    test('what was given back, or never claimed, is dropped', async (kit) => {
      const { delivery: held } = await kit.addLeased()
      const { delivery: free } = await kit.addDelivery({ dueAt: kit.at(9_000) })
      const leases = [{ id: held.id, leaseToken: held.leaseToken ?? '' }]
      await kit.storage.releaseDeliveries({ now: kit.at(5), leases })
      assert.deepEqual(
        await kit.settle(kit.settlement(held, 'succeeded'), kit.settlement(free, 'succeeded')),
        [],
      )
      assert.equal((await kit.get(held)).status, 'pending')
      assert.deepEqual(await kit.get(free), free)
    })

    test('a batch writes what is held and drops the rest, each its own', async (kit) => {
      const held = []
      for (let count = 0; count < 4; count += 1) held.push((await kit.addLeased()).delivery)
      const [a, b, c, d] = held as [DeliveryRecord, DeliveryRecord, DeliveryRecord, DeliveryRecord]
      const settlements = [
        kit.settlement(a, 'succeeded'),
        kit.settlement(b, 'failed', { leaseToken: 'lease_other' }),
        kit.settlement(c, 'pending', { responseStatus: 503, dueAt: kit.at(123_456) }),
        // The token of another delivery is no token.
        kit.settlement(d, 'succeeded', { leaseToken: a.leaseToken ?? '' }),
        kit.settlement({ ...a, id: 'dlv_unknown' }, 'succeeded'),
      ]
      assert.deepEqual(await kit.settle(...settlements), [a.id, c.id])
      assert.deepEqual(await kit.get(a), settled(a, settlements[0] as Settlement))
      assert.deepEqual(await kit.get(b), b)
      assert.deepEqual(await kit.get(c), settled(c, settlements[2] as Settlement))
      assert.deepEqual(await kit.get(d), d)
      assert.deepEqual(
        await kit.storage.listAttempts({ tenantId: 'tenant-a', deliveryIds: idsOf(held) }),
        [settlements[0]?.attempt, settlements[2]?.attempt],
      )
    })

    test('by many at once loses no update', async (kit) => {
      const leaseToken = kit.id('lease')
      await kit.addDeliveries(40, await kit.addEndpoint())
      const held = await kit.claimed(0, { leaseToken })
      const settlements = held.map((row, index) =>
        kit.settlement(row, index % 2 === 0 ? 'succeeded' : 'failed'),
      )
      const accepted = await Promise.all(settlements.map((settlement) => kit.settle(settlement)))
      assert.deepEqual(accepted.flat().sort(), idsOf(held).sort())
      for (const [index, row] of held.entries()) {
        assert.deepEqual(await kit.get(row), settled(row, settlements[index] as Settlement))
      }
    })

    test('by two at once under one token accepts one, with its attempt', async (kit) => {
      for (let round = 0; round < 5; round += 1) {
        const { delivery } = await kit.addLeased()
        const rivals = [kit.settlement(delivery, 'succeeded'), kit.settlement(delivery, 'failed')]
        const accepted = await Promise.all(rivals.map((settlement) => kit.settle(settlement)))
        const winner = only(rivals.filter((_, index) => accepted[index]?.length === 1))
        assert.deepEqual(await kit.get(delivery), settled(delivery, winner))
        assert.deepEqual(await attemptsOf(kit, delivery), [winner.attempt])
      }
    })

    test('keeps every attempt of a delivery, oldest first', async (kit) => {
      await kit.addDelivery()
      const attempts = []
      for (const at of [0, 10_000, 20_000]) {
        const held = only(await kit.claimed(at))
        const settlement = kit.settlement(held, 'pending', { at })
        await kit.settle(settlement)
        attempts.push(settlement.attempt)
      }
      const { tenantId, deliveryId } = only(attempts.slice(0, 1))
      const listed = await kit.storage.listAttempts({ tenantId, deliveryIds: [deliveryId] })
      assert.deepEqual(listed, attempts)
      assert.deepEqual(
        listed.map(({ number }) => number),
        [1, 2, 3],
      )
    })

    test('attempts of several deliveries come in one list, by id', async (kit) => {
      const [one, two, other] = [
        await kit.addSettled('failed'),
        await kit.addSettled('succeeded'),
        await kit.addSettled('failed'),
      ]
      const deliveryIds = [two.delivery.id, one.delivery.id, 'dlv_unknown', two.delivery.id]
      const listed = await kit.storage.listAttempts({ tenantId: 'tenant-a', deliveryIds })
      assert.deepEqual(
        listed.map(({ deliveryId }) => deliveryId),
        [one.delivery.id, two.delivery.id],
      )
      assert.ok(!listed.some(({ deliveryId }) => deliveryId === other.delivery.id))
      assert.deepEqual(
        await kit.storage.listAttempts({ tenantId: 'tenant-a', deliveryIds: [] }),
        [],
      )
    })

    test('an empty batch is a no-op', async (kit) => {
      assert.deepEqual(await kit.settle(), [])
    })
  })
}

/** The record that a settlement leaves. */
function settled(before: DeliveryRecord, settlement: Settlement): DeliveryRecord {
  const { attempt: _, ...state } = settlement
  return { ...before, ...state, leaseToken: null }
}

function attemptsOf(kit: SuiteKit, { tenantId, id }: DeliveryRecord) {
  return kit.storage.listAttempts({ tenantId, deliveryIds: [id] })
}
