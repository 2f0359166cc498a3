import assert from 'node:assert/strict'
import type { DeliveryRecord } from '../../storage/storage.ts'
import { assertSameIds, idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function requeueTests({ describe, test }: Suite): void {
  describe('re-queueing', () => {
    for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
      test(`starts a ${status} delivery anew, and attempts go on counting`, async (kit) => {
        const { delivery } = await kit.addLeased()
        await kit.settle(kit.settlement(delivery, status, { step: 7, faults: 3 }))
        const before = await kit.get(delivery)
        assert.deepEqual(await requeue(kit, [delivery], 4_000), [delivery.id])
        const after = await kit.get(delivery)
        assert.deepEqual(after, {
          ...before,
          status: 'pending',
          dueAt: kit.at(4_000),
          step: 0,
          faults: 0,
          completedAt: null,
          cancelReason: null,
        })
        assert.equal(after.attempts, 1)
        assert.deepEqual(idsOf(await kit.claimed(4_000)), [delivery.id])
      })
    }

    test('brings a retry forward, with its place in the schedule kept', async (kit) => {
      const { delivery } = await kit.addLeased()
      await kit.settle(
        kit.settlement(delivery, 'pending', { dueAt: kit.at(9_999), step: 3, faults: 1 }),
      )
      const before = await kit.get(delivery)
      assert.deepEqual(await requeue(kit, [delivery], 2_000), [delivery.id])
      assert.deepEqual(await kit.get(delivery), { ...before, dueAt: kit.at(2_000) })
    })

    test('leaves an attempt under way alone', async (kit) => {
      const { delivery } = await kit.addLeased()
      assert.deepEqual(await requeue(kit, [delivery], leaseMs - 1), [])
      assert.deepEqual(await kit.get(delivery), delivery)
    })

    test('takes over from a lease that has ended, whose worker can then not settle', async (kit) => {
      const { delivery } = await kit.addLeased()
      assert.deepEqual(await requeue(kit, [delivery], leaseMs), [delivery.id])
      assert.deepEqual(await kit.get(delivery), {
        ...delivery,
        leaseToken: null,
        dueAt: kit.at(leaseMs),
      })
      assert.deepEqual(await kit.settle(kit.settlement(delivery, 'succeeded')), [])
      assert.equal((await kit.get(delivery)).status, 'pending')
    })

    test('names those changed, each once, and leaves out the unknown', async (kit) => {
      const { delivery: failed } = await kit.addSettled('failed')
      const { delivery: held } = await kit.addLeased()
      const asked = [held, failed, { ...failed, id: 'dlv_unknown' }, failed]
      assert.deepEqual(await requeue(kit, asked, 5), [failed.id])
      assert.deepEqual(await requeue(kit, [], 5), [])
    })

    test('keeps the attempts already on record', async (kit) => {
      const { delivery } = await kit.addSettled('failed')
      await requeue(kit, [delivery], 5_000)
      await kit.settle(kit.settlement(only(await kit.claimed(5_000)), 'succeeded'))
      const { tenantId, id } = delivery
      const attempts = await kit.storage.listAttempts({ tenantId, deliveryIds: [id] })
      assert.deepEqual(
        attempts.map(({ number, succeeded }) => [number, succeeded]),
        [
          [1, false],
          [2, true],
        ],
      )
    })
  })
}

export function cancelTests({ describe, test }: Suite): void {
  describe('cancelling', () => {
    test('ends pending deliveries of the given ids', async (kit) => {
      const [one, two] = [await kit.addDelivery(), await kit.addDelivery()]
      assert.deepEqual(await cancel(kit, { ids: [one.delivery.id] }), [one.delivery.id])
      assert.deepEqual(await kit.get(one.delivery), {
        ...one.delivery,
        status: 'cancelled',
        cancelReason: 'manual',
        dueAt: null,
        completedAt: kit.at(50),
      })
      assert.deepEqual(idsOf(await kit.claimed(leaseMs)), [two.delivery.id])
    })

    test('ends those of an endpoint, a limited number at a time', async (kit) => {
      const [endpoint, other] = [await kit.addEndpoint(), await kit.addEndpoint()]
      const own = await kit.addDeliveries(5, endpoint)
      const others = await kit.addDeliveries(2, other)
      const first = await cancel(kit, { endpointId: endpoint.id }, 3)
      const second = await cancel(kit, { endpointId: endpoint.id }, 3)
      assert.deepEqual([first.length, second.length], [3, 2])
      assertSameIds([...first, ...second], own)
      assert.deepEqual(await cancel(kit, { endpointId: endpoint.id }, 3), [])
      assertSameIds(await kit.claimed(leaseMs), others)
    })

    test('keeps to its limit with ids as well', async (kit) => {
      const rows = await kit.addDeliveries(3, await kit.addEndpoint())
      assert.equal((await cancel(kit, { ids: idsOf(rows) }, 2)).length, 2)
      assert.equal((await kit.claimed(0)).length, 1)
    })

    test('reaches the deliveries of a deleted endpoint', async (kit) => {
      const { endpoint, delivery } = await kit.addDelivery()
      const { tenantId, id } = endpoint
      await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(1) })
      assert.deepEqual(await cancel(kit, { endpointId: id }), [delivery.id])
    })

    test('leaves what is final as it is', async (kit) => {
      for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
        const { delivery } = await kit.addSettled(status)
        assert.deepEqual(await cancel(kit, { ids: [delivery.id, 'dlv_unknown'] }), [])
        assert.deepEqual(await cancel(kit, { endpointId: delivery.endpointId }), [])
        assert.deepEqual(await kit.get(delivery), delivery)
      }
    })

    test('during an attempt keeps the token, and nobody claims it again', async (kit) => {
      const { delivery } = await kit.addLeased()
      assert.deepEqual(await cancel(kit, { ids: [delivery.id] }), [delivery.id])
      assert.deepEqual(await kit.get(delivery), {
        ...delivery,
        status: 'cancelled',
        cancelReason: 'manual',
        dueAt: null,
        completedAt: kit.at(50),
      })
      assert.deepEqual(await kit.claimed(2 * leaseMs), [])
    })

    for (const status of ['failed', 'pending', 'cancelled'] as const) {
      test(`an attempt that then ends ${status} is recorded, and cancelled it stays`, async (kit) => {
        const { delivery } = await kit.addLeased()
        await cancel(kit, { ids: [delivery.id] })
        const before = await kit.get(delivery)
        const settlement = kit.settlement(delivery, status)
        assert.deepEqual(await kit.settle(settlement), [delivery.id])
        const { attempts, responseStatus, lastError } = settlement
        const after = await kit.get(delivery)
        assert.deepEqual(
          { ...after, step: 0, faults: 0 },
          { ...before, leaseToken: null, attempts, responseStatus, lastError },
        )
        assert.deepEqual(await attemptsOf(kit, delivery), [settlement.attempt])
        assert.deepEqual(await kit.claimed(100 * leaseMs), [])
      })
    }

    test('an attempt that then succeeds makes the delivery succeeded', async (kit) => {
      const { delivery } = await kit.addLeased()
      await cancel(kit, { ids: [delivery.id] })
      const settlement = kit.settlement(delivery, 'succeeded')
      assert.deepEqual(await kit.settle(settlement), [delivery.id])
      const after = await kit.get(delivery)
      assert.equal(after.status, 'succeeded')
      assert.equal(after.cancelReason, null)
      assert.equal(after.leaseToken, null)
      assert.deepEqual(after.completedAt, settlement.completedAt)
      assert.deepEqual(await attemptsOf(kit, delivery), [settlement.attempt])
      assert.deepEqual(await kit.settle(kit.settlement(delivery, 'failed')), [])
    })

    test('during an attempt: its lease still renews, and stays without a due time', async (kit) => {
      const { delivery } = await kit.addLeased()
      const leases = [{ id: delivery.id, leaseToken: delivery.leaseToken ?? '' }]
      await cancel(kit, { ids: [delivery.id] })
      const cancelled = await kit.get(delivery)
      const renewed = await kit.storage.renewLeases({ leases, leaseUntil: kit.at(2 * leaseMs) })
      assert.deepEqual(renewed, [delivery.id])
      assert.deepEqual(await kit.get(delivery), cancelled)
      assert.deepEqual(await kit.claimed(3 * leaseMs), [])
    })

    test('during an attempt: given back it loses its token and stays cancelled', async (kit) => {
      const { delivery } = await kit.addLeased()
      const leases = [{ id: delivery.id, leaseToken: delivery.leaseToken ?? '' }]
      await cancel(kit, { ids: [delivery.id] })
      const cancelled = await kit.get(delivery)
      await kit.storage.releaseDeliveries({ now: kit.at(60), leases })
      assert.deepEqual(await kit.get(delivery), { ...cancelled, leaseToken: null })
      assert.deepEqual(await kit.claimed(2 * leaseMs), [])
      assert.deepEqual(await kit.settle(kit.settlement(delivery, 'succeeded')), [])
    })

    test('and re-queueing shuts out the attempt from before', async (kit) => {
      const { delivery } = await kit.addLeased()
      await cancel(kit, { ids: [delivery.id] })
      assert.deepEqual(await requeue(kit, [delivery], 70), [delivery.id])
      assert.equal((await kit.get(delivery)).leaseToken, null)
      assert.deepEqual(await kit.settle(kit.settlement(delivery, 'succeeded')), [])
      assert.deepEqual(await attemptsOf(kit, delivery), [])
      assert.deepEqual(idsOf(await kit.claimed(70)), [delivery.id])
    })
  })
}

function requeue(kit: SuiteKit, rows: DeliveryRecord[], at: number): Promise<string[]> {
  return kit.storage.requeueDeliveries({
    tenantId: 'tenant-a',
    ids: idsOf(rows),
    now: kit.at(at),
  })
}

function cancel(
  kit: SuiteKit,
  which: { ids: string[] } | { endpointId: string },
  limit = 100,
): Promise<string[]> {
  return kit.storage.cancelDeliveries({
    tenantId: 'tenant-a',
    which,
    reason: 'manual',
    now: kit.at(50),
    limit,
  })
}

function attemptsOf(kit: SuiteKit, { tenantId, id }: DeliveryRecord) {
  return kit.storage.listAttempts({ tenantId, deliveryIds: [id] })
}
