import type { StatsRecord, Storage, WaitingRecord } from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, read, readIn, transact, type Value, writeIn } from './database.ts'

export function operationMethods(pool: Pool): Pick<Storage, 'stats' | 'backlog' | 'prune'> {
  return {
    async stats({ tenantId, endpointId, since, until }) {
      const whose = endpointId === undefined ? 'tenant_id = ?' : 'tenant_id = ? AND endpoint_id = ?'
      const who = endpointId === undefined ? [tenantId] : [tenantId, endpointId]
      const span = [since.getTime(), until?.getTime() ?? Number.MAX_SAFE_INTEGER]
      const created = await read<{ status: keyof StatsRecord['deliveries']; count: number }>(
        pool,
        `SELECT status, COUNT(*) AS count FROM webhooks_deliveries
          WHERE ${whose} AND created_at >= ? AND created_at < ? GROUP BY status`,
        [...who, ...span],
      )
      const [pending] = await read<{ count: number; oldest: number | null }>(
        pool,
        `SELECT COUNT(*) AS count, MIN(created_at) AS oldest FROM webhooks_deliveries
          WHERE ${whose} AND status = 'pending'`,
        who,
      )
      const durations = await read<Duration>(
        pool,
        `SELECT succeeded, duration_ms, COUNT(*) AS count FROM webhooks_attempts
          WHERE ${whose} AND started_at >= ? AND started_at < ? GROUP BY succeeded, duration_ms ORDER BY duration_ms`,
        [...who, ...span],
      )
      const waitingEvents = endpointId === undefined ? await countWaiting(pool, tenantId) : 0
      const succeeded = durations.filter((group) => group.succeeded)
      const failed = durations.filter((group) => !group.succeeded)
      const deliveries = { pending: 0, succeeded: 0, failed: 0, cancelled: 0 }
      for (const { status, count } of created) deliveries[status] = count
      return {
        deliveries,
        attempts: { succeeded: countOf(succeeded), failed: countOf(failed) },
        durationMs: {
          p50: percentile(succeeded, 50),
          p95: percentile(succeeded, 95),
          p99: percentile(succeeded, 99),
        },
        backlog: (pending?.count ?? 0) + waitingEvents,
        oldestPendingAt: typeof pending?.oldest === 'number' ? new Date(pending.oldest) : null,
      }
    },

    async backlog({ now }) {
      const [events] = await read<Waiting>(
        pool,
        `SELECT COUNT(*) AS count, (
            SELECT created_at FROM webhooks_events WHERE fan_out = 'waits'
              ORDER BY position LIMIT 1
          ) AS oldest FROM webhooks_events WHERE fan_out = 'waits'`,
        [],
      )
      const [deliveries] = await read<Waiting>(
        pool,
        `SELECT COUNT(*) AS count, MIN(created_at) AS oldest FROM webhooks_deliveries
          WHERE status = 'pending'`,
        [],
      )
      const states = { disabled: 0, paused: 0, failing: 0, healthy: 0 }
      const rows = await read<{ state: keyof typeof states; count: number }>(
        pool,
        `SELECT CASE WHEN NOT active THEN 'disabled' WHEN paused_until > ? THEN 'paused'
            WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'healthy' END AS state,
            COUNT(*) AS count
          FROM webhooks_endpoints WHERE deleted_at IS NULL GROUP BY state`,
        [now.getTime()],
      )
      for (const { state, count } of rows) states[state] = count
      return { events: waiting(events), deliveries: waiting(deliveries), endpoints: states }
    },

    prune: ({ before, limit }) =>
      transact(pool, async (on) => {
        const deliveries = await pruneDeliveries(on, before.getTime(), limit)
        const events = await pruneEvents(on, before.getTime(), limit - deliveries)
        await on.query(
          `DELETE FROM webhooks_endpoints WHERE deleted_at < ? AND NOT EXISTS (
            SELECT 1 FROM webhooks_deliveries d WHERE d.endpoint_id = webhooks_endpoints.id)`,
          [before.getTime()],
        )
        return { deliveries, events }
      }),
  }
}

interface Waiting {
  count: number
  oldest: number | null
}

function waiting(row: Waiting | undefined): WaitingRecord {
  const { count = 0, oldest = null } = row ?? {}
  return { count, oldestAt: oldest === null ? null : new Date(Number(oldest)) }
}

/** Attempts of one outcome that took the same time. */
interface Duration {
  succeeded: Value
  duration_ms: number
  count: number
}

function countOf(groups: Duration[]): number {
  return groups.reduce((total, { count }) => total + count, 0)
}

/** By nearest rank; the groups come in ascending order. */
function percentile(groups: Duration[], percent: number): number | null {
  const rank = (countOf(groups) * percent) / 100
  let passed = 0
  const found = groups.find((group) => {
    passed += group.count
    return passed >= rank
  })
  return found?.duration_ms ?? null
}

async function countWaiting(on: Executor, tenantId: string): Promise<number> {
  const [waiting] = await read<{ count: number }>(
    on,
    "SELECT COUNT(*) AS count FROM webhooks_events WHERE fan_out = 'waits' AND tenant_id = ?",
    [tenantId],
  )
  return waiting?.count ?? 0
}

async function pruneDeliveries(on: Executor, before: number, limit: number): Promise<number> {
  const rows = await read<{ id: string }>(
    on,
    `SELECT id FROM webhooks_deliveries FORCE INDEX (webhooks_deliveries_completed)
      WHERE completed_at < ? ORDER BY completed_at LIMIT ? FOR UPDATE SKIP LOCKED`,
    [before, limit],
  )
  const ids = rows.map(({ id }) => id)
  await writeIn(on, 'DELETE FROM webhooks_attempts WHERE delivery_id IN (?)', [], ids)
  await writeIn(on, 'DELETE FROM webhooks_deliveries WHERE id IN (?)', [], ids)
  return ids.length
}

/**
 * Looks once more after locking: a delivery may have been added since the search began. Those who
 * add one lock its event first.
 */
async function pruneEvents(on: Executor, before: number, limit: number): Promise<number> {
  const rows = await read<{ id: string }>(
    on,
    `SELECT id FROM webhooks_events e
      WHERE created_at < ? AND fan_out <> 'waits'
        AND NOT EXISTS (SELECT 1 FROM webhooks_deliveries d WHERE d.event_id = e.id)
      ORDER BY created_at LIMIT ? FOR UPDATE SKIP LOCKED`,
    [before, limit],
  )
  const ids = rows.map(({ id }) => id)
  const late = await readIn<{ event_id: string }>(
    on,
    'SELECT event_id FROM webhooks_deliveries WHERE event_id IN (?)',
    ids,
  )
  const kept = new Set(late.map((row) => row.event_id))
  const gone = ids.filter((id) => !kept.has(id))
  await writeIn(on, 'DELETE FROM webhooks_events WHERE id IN (?)', [], gone)
  return gone.length
}
