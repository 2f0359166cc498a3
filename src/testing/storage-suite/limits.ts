import assert from 'node:assert/strict'
import { countBy, idsOf, leaseMs } from './kit.ts'
import type { Suite } from './suite.ts'

export function limitTests({ describe, test }: Suite): void {
  describe('the cap per endpoint', () => {
    test('holds within a claim', async (kit) => {
      const [one, two] = [await kit.addEndpoint(), await kit.addEndpoint()]
      await kit.addDeliveries(10, one)
      await kit.addDeliveries(3, two)
      const claimed = await kit.claimed(0, { perEndpoint: 4 })
      assert.deepEqual(
        countBy(claimed, ({ endpointId }) => endpointId),
        {
          [one.id]: 4,
          [two.id]: 3,
        },
      )
    })

    test('counts what the caller has in flight', async (kit) => {
      const [some, full, over, none] = [
        await kit.addEndpoint(),
        await kit.addEndpoint(),
        await kit.addEndpoint(),
        await kit.addEndpoint(),
      ]
      for (const endpoint of [some, full, over, none]) await kit.addDeliveries(5, endpoint)
      const inFlight = new Map([
        [some.id, 1],
        [full.id, 4],
        [over.id, 9],
      ])
      const claimed = await kit.claimed(0, { perEndpoint: 4, inFlight })
      assert.deepEqual(
        countBy(claimed, ({ endpointId }) => endpointId),
        {
          [some.id]: 3,
          [none.id]: 4,
        },
      )
    })

    test('passed over in one claim is served in the next that has room', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await kit.addDeliveries(3, endpoint)
      const inFlight = new Map([[endpoint.id, 2]])
      assert.deepEqual(await kit.claimed(0, { perEndpoint: 2, inFlight }), [])
      assert.equal((await kit.claimed(0, { perEndpoint: 2 })).length, 2)
    })
  })

  describe('a paused endpoint', () => {
    test('is passed over until its pause has ended', async (kit) => {
      const { endpoint, delivery } = await kit.addDelivery()
      const other = await kit.addDelivery()
      await pause(endpoint.id, 5_000)
      assert.deepEqual(idsOf(await kit.claimed(0)), [other.delivery.id])
      assert.deepEqual(await kit.claimed(4_999), [])
      assert.deepEqual(idsOf(await kit.claimed(5_000)), [delivery.id])

      function pause(endpointId: string, untilMs: number) {
        return kit.storage.recordHealth({
          changes: [
            {
              endpointId,
              succeeded: false,
              failedAttempts: 1,
              failedAt: kit.at(0),
              pausedUntil: kit.at(untilMs),
              leaseTokens: [],
            },
          ],
        })
      }
    })

    test('is served at once when switched on afresh', async (kit) => {
      const { endpoint, delivery } = await kit.addDelivery({}, { active: false })
      const { tenantId, id } = endpoint
      await kit.storage.recordHealth({
        changes: [
          {
            endpointId: id,
            succeeded: false,
            failedAttempts: 1,
            failedAt: kit.at(0),
            pausedUntil: kit.at(5_000),
            leaseTokens: [],
          },
        ],
      })
      assert.deepEqual(await kit.claimed(1), [])
      await kit.storage.updateEndpoint({
        tenantId,
        id,
        changes: { active: true },
        now: kit.at(2),
      })
      assert.deepEqual(idsOf(await kit.claimed(2)), [delivery.id])
    })
  })

  describe('a rate limit', () => {
    const rateLimit = { limit: 3, intervalMs: 3_000 }

    test('lets `limit` through after rest, then one each `intervalMs / limit`', async (kit) => {
      await kit.addDeliveries(20, await kit.addEndpoint({ rateLimit }))
      const counts = []
      for (const at of [0, 1, 999, 1_000, 1_999, 2_000, 2_001, 3_000]) {
        counts.push((await kit.claimed(at)).length)
      }
      assert.deepEqual(counts, [3, 0, 0, 1, 0, 1, 0, 1])
    })

    test('saves up tokens, `limit` at most', async (kit) => {
      await kit.addDeliveries(20, await kit.addEndpoint({ rateLimit }))
      assert.equal((await kit.claimed(0)).length, 3)
      assert.equal((await kit.claimed(2_500)).length, 2)
      assert.equal((await kit.claimed(3_000)).length, 1)
      assert.equal((await kit.claimed(1_000_000, { limit: 1 })).length, 1)
      assert.equal((await kit.claimed(1_000_000)).length, 2)
    })

    test('holds over many claims: never more than the interval allows', async (kit) => {
      const limit = { limit: 7, intervalMs: 1_000 }
      await kit.addDeliveries(60, await kit.addEndpoint({ rateLimit: limit }))
      let total = 0
      for (let at = 0; at <= 5_000; at += 13) {
        total += (await kit.claimed(at, { limit: 2 })).length
      }
      // 7 at once, and 7 more in each of five seconds; the last one may fall just after the end.
      assert.ok(total >= 41 && total <= 42, `${total} were let through`)
    })

    test('takes tokens for what is claimed, not for what was due', async (kit) => {
      await kit.addDeliveries(20, await kit.addEndpoint({ rateLimit }))
      assert.equal((await kit.claimed(0, { limit: 1 })).length, 1)
      assert.equal((await kit.claimed(0, { perEndpoint: 1 })).length, 1)
      assert.equal((await kit.claimed(0)).length, 1)
      assert.equal((await kit.claimed(0)).length, 0)
    })

    test('is an endpoint’s own', async (kit) => {
      const [limited, free] = [await kit.addEndpoint({ rateLimit }), await kit.addEndpoint()]
      await kit.addDeliveries(5, limited)
      await kit.addDeliveries(5, free)
      assert.deepEqual(
        countBy(await kit.claimed(0), ({ endpointId }) => endpointId),
        {
          [limited.id]: 3,
          [free.id]: 5,
        },
      )
    })

    test('is shared by all who claim at once', async (kit) => {
      await kit.addDeliveries(20, await kit.addEndpoint({ rateLimit }))
      const claims = await Promise.all(
        Array.from({ length: 8 }, () => kit.claimed(0, { limit: 2 })),
      )
      assert.equal(claims.flat().length, 3)
    })

    test('counts a repeated attempt as well', async (kit) => {
      await kit.addDeliveries(3, await kit.addEndpoint({ rateLimit }))
      const claimed = await kit.claimed(0)
      await kit.settle(
        ...claimed.map((row) => kit.settlement(row, 'pending', { dueAt: kit.at(500) })),
      )
      assert.equal((await kit.claimed(500)).length, 0)
      assert.equal((await kit.claimed(1_000)).length, 1)
    })

    test('that is set, changed or lifted holds from then on', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const { tenantId, id } = endpoint
      await kit.addDeliveries(20, endpoint)
      const set = (rateLimitNow: typeof rateLimit | null) =>
        kit.storage.updateEndpoint({
          tenantId,
          id,
          changes: { rateLimit: rateLimitNow },
          now: kit.at(0),
        })
      await set({ limit: 2, intervalMs: 1_000 })
      assert.equal((await kit.claimed(0)).length, 2)
      assert.equal((await kit.claimed(0)).length, 0)
      await set(null)
      assert.equal((await kit.claimed(1, { limit: 5 })).length, 5)
      await set({ limit: 1, intervalMs: leaseMs })
      await kit.claimed(leaseMs - 2)
      assert.equal((await kit.claimed(leaseMs - 1)).length, 0)
    })
  })
}
