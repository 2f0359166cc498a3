import assert from 'node:assert/strict'
import type { EndpointRecord, HealthChange, NewEndpoint } from '../../storage/storage.ts'
import { countBy, type Kit, leaseMs } from './kit.ts'
import type { Suite } from './suite.ts'

const probeFrom = 4

export function probeTests({ describe, test }: Suite): void {
  describe('a probe', () => {
    test('is one delivery over all who claim, and no other follows it', async (kit) => {
      await addFailing(kit)
      const claims = await Promise.all(
        Array.from({ length: 8 }, () => kit.claimed(0, { limit: 2, probeFrom })),
      )
      assert.equal(claims.flat().length, 1)
      assert.deepEqual(await kit.claimed(leaseMs - 1, { probeFrom }), [])
    })

    test('is for endpoints with so many failures in a row, and keeps nobody else', async (kit) => {
      const failing = await addFailing(kit)
      const almost = await addFailing(kit, { failedAttempts: probeFrom - 1 })
      const well = await kit.addEndpoint()
      await kit.addDeliveries(5, well)
      assert.deepEqual(
        countBy(await kit.claimed(0, { probeFrom }), ({ endpointId }) => endpointId),
        { [failing.id]: 1, [almost.id]: 5, [well.id]: 5 },
      )
    })

    test('is not for what the engine cancels', async (kit) => {
      const off = await addFailing(kit, {}, { active: false })
      const deleted = await addFailing(kit)
      await kit.storage.deleteEndpoint({ ...deleted, now: kit.at(0) })
      assert.deepEqual(
        countBy(await kit.claimed(0, { probeFrom }), ({ endpointId }) => endpointId),
        { [off.id]: 5, [deleted.id]: 5 },
      )
    })

    test('ends with the health that names its token, in one write with the pause', async (kit) => {
      const { id } = await addFailing(kit)
      const leaseToken = await probe(kit, 0)
      await record(kit, id, { failedAttempts: 1, leaseTokens: ['a', leaseToken], pauseMs: 500 })
      assert.deepEqual(await kit.claimed(499, { probeFrom }), [])
      assert.equal((await kit.claimed(500, { probeFrom })).length, 1)
      assert.deepEqual(await kit.claimed(501, { probeFrom }), [])
    })

    test('ends without a verdict as well', async (kit) => {
      const { id } = await addFailing(kit)
      const leaseToken = await probe(kit, 0)
      await record(kit, id, { leaseTokens: [leaseToken] })
      assert.equal((await kit.claimed(1, { probeFrom })).length, 1)
    })

    test('goes on when something else has ended', async (kit) => {
      const { id } = await addFailing(kit)
      const before = await probe(kit, 0)
      await record(kit, id, { leaseTokens: [before] })
      await probe(kit, 1)
      await record(kit, id, { failedAttempts: 1, leaseTokens: [before, 'other'] })
      assert.deepEqual(await kit.claimed(2, { probeFrom }), [])
    })

    test('ends with a success, which lets all through', async (kit) => {
      const { id } = await addFailing(kit)
      await probe(kit, 0)
      await record(kit, id, { succeeded: true, leaseTokens: [] })
      assert.equal((await kit.claimed(1, { probeFrom })).length, 4)
    })

    test('ends with its lease at the latest: its worker may be dead', async (kit) => {
      await addFailing(kit)
      await probe(kit, 0)
      assert.deepEqual(await kit.claimed(leaseMs - 1, { probeFrom }), [])
      assert.equal((await kit.claimed(leaseMs, { probeFrom })).length, 1)
    })

    test('ends when the endpoint is switched on afresh', async (kit) => {
      const { tenantId, id } = await addFailing(kit)
      await probe(kit, 0)
      const change = (active: boolean) =>
        kit.storage.updateEndpoint({ tenantId, id, changes: { active }, now: kit.at(0) })
      await change(false)
      assert.deepEqual(await kit.claimed(1, { probeFrom }), [])
      await change(true)
      assert.equal((await kit.claimed(1, { probeFrom })).length, 4)
    })

    test('goes on when an endpoint that is on is switched on', async (kit) => {
      const { tenantId, id } = await addFailing(kit)
      await probe(kit, 0)
      const changes = { active: true }
      await kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(0) })
      assert.deepEqual(await kit.claimed(1, { probeFrom }), [])
    })

    test('takes the token of a rate limit like any delivery', async (kit) => {
      const rateLimit = { limit: 1, intervalMs: 1_000 }
      const { id } = await addFailing(kit, {}, { rateLimit })
      const leaseToken = await probe(kit, 0)
      await record(kit, id, { leaseTokens: [leaseToken] })
      assert.deepEqual(await kit.claimed(999, { probeFrom }), [])
      assert.equal((await kit.claimed(1_000, { probeFrom })).length, 1)
    })

    test('under way is no reason to look again before it can end', async (kit) => {
      await addFailing(kit)
      await probe(kit, 0)
      assert.deepEqual(await kit.claimed(10, { probeFrom }), [])
      const next = Number(await kit.storage.nextDueAt({ exclude: [] }))
      assert.ok(next > Number(kit.at(10)), 'it is sought too early')
      assert.ok(next <= Number(kit.at(leaseMs)), 'it is sought too late')
    })
  })
}

/** An endpoint with five deliveries due, after failures. */
async function addFailing(
  kit: Kit,
  { failedAttempts = probeFrom } = {},
  given: Partial<NewEndpoint> = {},
): Promise<EndpointRecord> {
  const endpoint = await kit.addEndpoint(given)
  await kit.addDeliveries(5, endpoint)
  await record(kit, endpoint.id, { failedAttempts })
  return endpoint
}

/** Claims the one delivery that there is. @returns Its token. */
async function probe(kit: Kit, at: number): Promise<string> {
  const [claimed, ...others] = await kit.claimed(at, { probeFrom })
  assert.ok(claimed?.leaseToken, 'no probe was let through')
  assert.deepEqual(others, [])
  return claimed.leaseToken
}

function record(
  kit: Kit,
  endpointId: string,
  { pauseMs, ...given }: Partial<HealthChange> & { pauseMs?: number },
): Promise<EndpointRecord[]> {
  const { failedAttempts = 0 } = given
  return kit.storage.recordHealth({
    changes: [
      {
        endpointId,
        succeeded: false,
        failedAttempts,
        failedAt: failedAttempts > 0 ? kit.at(0) : null,
        pausedUntil: pauseMs === undefined ? null : kit.at(pauseMs),
        leaseTokens: [],
        ...given,
      },
    ],
  })
}
