import assert from 'node:assert/strict'
import { idsOf, leaseMs, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function nextDueTests({ describe, test }: Suite): void {
  describe('the next due time', () => {
    test('is null while nothing waits', async (kit) => {
      assert.equal(await kit.storage.nextDueAt({ exclude: [] }), null)
      await kit.addSettled('succeeded')
      await kit.addSettled('cancelled')
      await kit.addEvent({ fanOut: false })
      assert.equal(await kit.storage.nextDueAt({ exclude: [] }), null)
    })

    test('is never after what waits', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await kit.addDeliveries(2, endpoint, { dueAt: kit.at(9_000) })
      await assertNext(kit, { notAfter: 9_000 })
      await kit.addDeliveries(1, await kit.addEndpoint(), { dueAt: kit.at(4_000) })
      await assertNext(kit, { notAfter: 4_000 })
      await kit.addEvent()
      await assertNext(kit, { notAfter: 0 })
    })

    test('lies ahead once claims have found nothing', async (kit) => {
      await kit.addDelivery({ dueAt: kit.at(5_000) })
      await assertIdle(kit, 100)
      await assertNext(kit, { after: 100, notAfter: 5_000 })
    })

    test('counts leases that will end', async (kit) => {
      await kit.addDelivery()
      await kit.claimed(0)
      await assertIdle(kit, 1)
      await assertNext(kit, { after: 1, notAfter: leaseMs })
    })

    test('counts events that wait, and their leases', async (kit) => {
      await kit.addEvent()
      await assertNext(kit, { notAfter: 0 })
      await kit.claimEvents(0)
      await assertIdle(kit, 1)
      await assertNext(kit, { after: 1, notAfter: leaseMs })
    })

    test('counts retries and what was given back', async (kit) => {
      const { delivery } = await kit.addLeased()
      await kit.settle(kit.settlement(delivery, 'pending', { dueAt: kit.at(3_000) }))
      await assertIdle(kit, 10)
      await assertNext(kit, { after: 10, notAfter: 3_000 })
      const { id, leaseToken } = only(await kit.claimed(3_000))
      await kit.storage.releaseDeliveries({
        now: kit.at(3_100),
        leases: [{ id, leaseToken: leaseToken ?? '' }],
      })
      await assertNext(kit, { notAfter: 3_100 })
    })

    test('waits for the end of a pause', async (kit) => {
      const { endpoint } = await kit.addDelivery()
      await kit.storage.recordHealth({
        changes: [
          {
            endpointId: endpoint.id,
            succeeded: false,
            failedAttempts: 1,
            failedAt: kit.at(0),
            pausedUntil: kit.at(7_000),
            leaseTokens: [],
          },
        ],
      })
      await assertIdle(kit, 10)
      await assertNext(kit, { after: 10, notAfter: 7_000 })
    })

    test('waits for the next token of a rate limit', async (kit) => {
      const rateLimit = { limit: 1, intervalMs: 2_000 }
      await kit.addDeliveries(2, await kit.addEndpoint({ rateLimit }))
      assert.equal((await kit.claimed(0)).length, 1)
      await assertIdle(kit, 10)
      await assertNext(kit, { after: 10, notAfter: 2_000 })
    })

    test('leaves out the endpoints that are excluded', async (kit) => {
      const [full, other] = [await kit.addEndpoint(), await kit.addEndpoint()]
      await kit.addDeliveries(3, full)
      assert.equal(await kit.storage.nextDueAt({ exclude: [full.id] }), null)
      await kit.addDeliveries(1, other, { dueAt: kit.at(6_000) })
      const inFlight = new Map([[full.id, 1]])
      assert.deepEqual(await kit.claimed(10, { perEndpoint: 1, inFlight }), [])
      await assertNext(kit, { after: 10, notAfter: 6_000, exclude: [full.id] })
      await assertNext(kit, { notAfter: 0, exclude: [other.id] })
      assert.equal(await kit.storage.nextDueAt({ exclude: [full.id, other.id] }), null)
    })

    test('of excluded endpoints alone still counts waiting events', async (kit) => {
      const { endpoint } = await kit.addDelivery()
      await kit.addEvent()
      await assertNext(kit, { notAfter: 0, exclude: [endpoint.id] })
    })

    test('leads from one claim to the next, through everything there is', async (kit) => {
      for (const [index, dueAt] of [0, 40, 3_000, 3_000, 86_400_000].entries()) {
        const rateLimit = index === 2 ? { limit: 1, intervalMs: 500 } : null
        const endpoint = await kit.addEndpoint({ rateLimit })
        await kit.addDeliveries(2, endpoint, { dueAt: kit.at(dueAt) })
      }
      let at = kit.at(0)
      let served = 0
      for (let step = 0; step < 60; step += 1) {
        const rows = await kit.claimed(at.getTime() - kit.at(0).getTime())
        const settlements = rows.map((row) => kit.settlement(row, 'succeeded'))
        served += (await kit.settle(...settlements)).length
        const next = await kit.storage.nextDueAt({ exclude: [] })
        if (next === null) break
        if (rows.length === 0) assert.ok(next > at, 'it stands still although nothing was found')
        if (next > at) at = next
      }
      assert.equal(served, 10)
      assert.equal(await kit.storage.nextDueAt({ exclude: [] }), null)
    })
  })
}

/** Claims of both kinds find nothing at this time. */
async function assertIdle(kit: SuiteKit, at: number): Promise<void> {
  assert.deepEqual(idsOf(await kit.claimEvents(at)), [])
  assert.deepEqual(idsOf(await kit.claimed(at)), [])
}

async function assertNext(
  kit: SuiteKit,
  { after, notAfter, exclude = [] }: { after?: number; notAfter: number; exclude?: string[] },
): Promise<void> {
  const next = await kit.storage.nextDueAt({ exclude })
  assert.ok(next !== null, 'something waits, but there is no next due time')
  assert.ok(
    next <= kit.at(notAfter),
    `${next.toISOString()} is too late; due at ${kit.at(notAfter).toISOString()}`,
  )
  if (after === undefined) return
  assert.ok(next > kit.at(after), `${next.toISOString()} has passed and would make a worker spin`)
}
