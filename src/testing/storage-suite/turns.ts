import assert from 'node:assert/strict'
import { assertSameIds, countBy, idsOf } from './kit.ts'
import type { Suite } from './suite.ts'

/** Who comes next, when more is due than a claim can take. */
export function turnTests({ describe, test }: Suite): void {
  describe('turns', () => {
    test('waiting events: a tenant’s backlog takes its share of a claim, no more', async (kit) => {
      await kit.addEvents(50, { tenantId: 'busy' })
      await kit.addEvents(3, { tenantId: 'quiet' })
      await kit.addEvents(50, { tenantId: 'brisk' })
      const claimed = await kit.claimEvents(0, { limit: 15 })
      assert.deepEqual(
        countBy(claimed, ({ tenantId }) => tenantId),
        {
          busy: 6,
          quiet: 3,
          brisk: 6,
        },
      )
    })

    test('waiting events: what the others leave goes to who has more', async (kit) => {
      await kit.addEvents(20, { tenantId: 'busy' })
      await kit.addEvents(1, { tenantId: 'quiet' })
      const claimed = await kit.claimEvents(0, { limit: 10 })
      assert.deepEqual(
        countBy(claimed, ({ tenantId }) => tenantId),
        { busy: 9, quiet: 1 },
      )
    })

    test('waiting events: turns go on from one small claim to the next', async (kit) => {
      await kit.addEvents(30, { tenantId: 'busy' })
      const quiet = await kit.addEvents(3, { tenantId: 'quiet' })
      const claimed = []
      for (let call = 0; call < 8; call += 1) {
        claimed.push(...(await kit.claimEvents(0, { limit: 1 })))
      }
      assert.equal(claimed.length, 8)
      assertSameIds(
        claimed.filter(({ tenantId }) => tenantId === 'quiet'),
        quiet,
      )
    })

    test('waiting events: within a tenant positions keep their order across claims', async (kit) => {
      const events = await kit.addEvents(9)
      await kit.addEvents(9, { tenantId: 'other' })
      const claimed = []
      for (let call = 0; call < 9; call += 1) {
        claimed.push(...(await kit.claimEvents(0, { limit: 2 })))
      }
      const own = claimed.filter(({ tenantId }) => tenantId === 'tenant-a')
      assert.deepEqual(idsOf(own), idsOf(events))
    })

    test('deliveries: tenants alternate, whoever came first', async (kit) => {
      await kit.addDeliveries(60, await kit.addEndpoint({ tenantId: 'busy' }))
      await kit.addDeliveries(4, await kit.addEndpoint({ tenantId: 'quiet' }), {
        dueAt: kit.at(500),
      })
      const claimed = await kit.claimed(1_000, { limit: 12 })
      assert.deepEqual(
        countBy(claimed, ({ tenantId }) => tenantId),
        { busy: 8, quiet: 4 },
      )
    })

    test('deliveries: a tenant with many endpoints has one tenant’s share', async (kit) => {
      for (let count = 0; count < 6; count += 1) {
        await kit.addDeliveries(5, await kit.addEndpoint({ tenantId: 'wide' }))
      }
      await kit.addDeliveries(20, await kit.addEndpoint({ tenantId: 'narrow' }))
      const claimed = await kit.claimed(0, { limit: 20 })
      assert.deepEqual(
        countBy(claimed, ({ tenantId }) => tenantId),
        { wide: 10, narrow: 10 },
      )
    })

    test('deliveries: within a tenant its endpoints alternate', async (kit) => {
      const endpoints = [await kit.addEndpoint(), await kit.addEndpoint(), await kit.addEndpoint()]
      const [backlog, other, small] = idsOf(endpoints)
      for (const [index, count] of [40, 40, 2].entries()) {
        const endpoint = endpoints[index]
        if (endpoint) await kit.addDeliveries(count, endpoint, { dueAt: kit.at(index) })
      }
      const claimed = await kit.claimed(100, { limit: 10 })
      assert.deepEqual(
        countBy(claimed, ({ endpointId }) => endpointId),
        {
          [backlog ?? '']: 4,
          [other ?? '']: 4,
          [small ?? '']: 2,
        },
      )
    })

    test('deliveries: turns go on from one small claim to the next', async (kit) => {
      await kit.addDeliveries(40, await kit.addEndpoint({ tenantId: 'busy' }))
      const late = { dueAt: kit.at(500) }
      const quiet = await kit.addDeliveries(3, await kit.addEndpoint({ tenantId: 'quiet' }), late)
      const small = await kit.addDeliveries(3, await kit.addEndpoint({ tenantId: 'busy' }), late)
      const claimed = []
      for (let call = 0; call < 16; call += 1) {
        claimed.push(...(await kit.claimed(1_000, { limit: 1 })))
      }
      assert.equal(claimed.length, 16)
      const ids = new Set(idsOf(claimed))
      assert.ok(
        quiet.every(({ id }) => ids.has(id)),
        'the quiet tenant waits behind the busy one',
      )
      assert.ok(
        small.every(({ id }) => ids.has(id)),
        'the small endpoint waits behind the tenant’s big one',
      )
    })

    test('deliveries: more tenants than a claim can take all come to their turn', async (kit) => {
      for (let count = 0; count < 10; count += 1) {
        const endpoint = await kit.addEndpoint({ tenantId: `tenant-${count}` })
        await kit.addDeliveries(10, endpoint)
      }
      const claimed = []
      for (let call = 0; call < 10; call += 1) {
        claimed.push(...(await kit.claimed(0, { limit: 2 })))
      }
      const tenants = new Set(claimed.map(({ tenantId }) => tenantId))
      assert.equal(tenants.size, 10)
    })

    test('deliveries: a full, paused or throttled endpoint does not use up a turn', async (kit) => {
      const [full, paused, throttled, open] = [
        await kit.addEndpoint(),
        await kit.addEndpoint(),
        await kit.addEndpoint({ rateLimit: { limit: 1, intervalMs: 1_000 } }),
        await kit.addEndpoint(),
      ]
      for (const endpoint of [full, paused, throttled]) await kit.addDeliveries(20, endpoint)
      const wanted = await kit.addDeliveries(5, open, { dueAt: kit.at(500) })
      await kit.storage.recordHealth({
        changes: [
          {
            endpointId: paused.id,
            succeeded: false,
            failedAttempts: 1,
            failedAt: kit.at(0),
            pausedUntil: kit.at(9_999),
            leaseTokens: [],
          },
        ],
      })
      await kit.claimed(0, { limit: 1, inFlight: new Map([[full.id, 9]]), perEndpoint: 9 })
      const claimed = await kit.claimed(900, {
        limit: 5,
        perEndpoint: 9,
        inFlight: new Map([[full.id, 9]]),
      })
      assertSameIds(claimed, wanted)
    })
  })
}
