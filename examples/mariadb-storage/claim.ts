import type { ClaimedDeliveries, DeliveryRecord, Storage } from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, type Row, read, readIn, transact, writeIn } from './database.ts'
import { type Hold, lockHolds, readLanes, saveBucket, saveProbe } from './lanes.ts'
import * as tables from './tables.ts'
import { Turns } from './turns.ts'

type Claim = Parameters<Storage['claimDeliveries']>[0]

export function claimMethods(pool: Pool): Pick<Storage, 'claimDeliveries' | 'nextDueAt'> {
  const turns = new Turns()
  return {
    claimDeliveries: (claim) => transact(pool, (on) => claimDeliveries(on, turns, claim)),

    async nextDueAt({ exclude }) {
      const excluded = new Set(exclude)
      const lanes = (await readLanes(pool)).filter(({ id }) => !excluded.has(id))
      const [events] = await read<{ due_at: number | null }>(
        pool,
        "SELECT MIN(due_at) AS due_at FROM webhooks_events WHERE fan_out = 'waits'",
      )
      const instants = lanes.map(({ readyAt }) => readyAt)
      if (typeof events?.due_at === 'number') instants.push(events.due_at)
      return instants.length === 0 ? null : new Date(Math.min(...instants))
    },
  }
}

async function claimDeliveries(
  on: Executor,
  turns: Turns,
  claim: Claim,
): Promise<ClaimedDeliveries> {
  const now = claim.now.getTime()
  const ready = (await readLanes(on)).filter(({ readyAt }) => readyAt <= now)
  const held = ready.filter(
    ({ bucket, failedAttempts }) => bucket !== null || failedAttempts >= claim.probeFrom,
  )
  const holds = await lockHolds(
    on,
    held.map(({ id }) => id),
  )
  const isProbed = ({ failedAttempts }: Hold) => failedAttempts >= claim.probeFrom
  const room = new Map<string, number>()
  for (const { id } of ready) {
    const free = claim.perEndpoint - (claim.inFlight.get(id) ?? 0)
    const hold = holds.get(id)
    const allowed = hold === undefined ? free : roomUnder(hold)
    room.set(id, Math.min(free, allowed))
  }

  function roomUnder(hold: Hold): number {
    if (hold.probeUntil > now) return 0
    const tokens = hold.bucket?.tokensAt(now) ?? claim.perEndpoint
    return isProbed(hold) ? Math.min(tokens, 1) : tokens
  }

  const deliveries = await turns.serve(ready, { limit: claim.limit, room }, (lane, count) =>
    leaseDeliveries(on, lane, count, claim),
  )
  for (const [id, hold] of holds) {
    const taken = deliveries.filter(({ endpointId }) => endpointId === id).length
    if (taken === 0) continue
    if (isProbed(hold)) await saveProbe(on, id, claim)
    if (hold.bucket === null) continue
    hold.bucket.take(taken, now)
    await saveBucket(on, id, hold.bucket)
  }
  const events = await readIn<Row>(
    on,
    'SELECT * FROM webhooks_events WHERE id IN (?)',
    deliveries.map(({ eventId }) => eventId),
  )
  const endpoints = await readIn<Row>(
    on,
    'SELECT * FROM webhooks_endpoints WHERE id IN (?) AND deleted_at IS NULL',
    deliveries.map(({ endpointId }) => endpointId),
  )
  return {
    deliveries,
    events: events.map(tables.events.fromRow),
    endpoints: endpoints.map(tables.endpoints.fromRow),
  }
}

/**
 * Rows that another claim has locked are left to it. The index is named because a scan in another
 * order would lock, and hide from other claims, many more rows than it returns.
 */
async function leaseDeliveries(
  on: Executor,
  { tenantId, id }: { tenantId: string; id: string },
  count: number,
  { now, leaseToken, leaseUntil }: Claim,
): Promise<DeliveryRecord[]> {
  const rows = await read<Row>(
    on,
    `SELECT * FROM webhooks_deliveries FORCE INDEX (webhooks_deliveries_due)
      WHERE status = 'pending' AND tenant_id = ? AND endpoint_id = ? AND due_at <= ?
      ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED`,
    [tenantId, id, now.getTime(), count],
  )
  const due = rows.map(tables.deliveries.fromRow)
  await writeIn(
    on,
    'UPDATE webhooks_deliveries SET due_at = ?, lease_token = ? WHERE id IN (?)',
    [leaseUntil.getTime(), leaseToken],
    due.map((delivery) => delivery.id),
  )
  return due.map((delivery) => ({ ...delivery, dueAt: leaseUntil, leaseToken }))
}
