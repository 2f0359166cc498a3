import type { StatsRecord, Storage } from '../storage.ts'
import { type Database, unhurried } from './database.ts'
import { dateOrNull, numberOrNull } from './rows.ts'
import { keptIds } from './schema/kept-events.ts'

export async function nextDueAt(database: Database, exclude: string): Promise<Date | null> {
  const [row] = await database.call<{ next_due_at: string | null }>('next_due_at', [exclude])
  return dateOrNull(row?.next_due_at ?? null)
}

export async function prune(
  database: Database,
  { before, limit }: { before: Date; limit: number },
): Promise<{ deliveries: number; events: number }> {
  const [row] = await database.call('prune', [before, limit], unhurried)
  return { deliveries: Number(row?.deliveries), events: Number(row?.events) }
}

interface StatsRow {
  pending: string
  succeeded: string
  failed: string
  cancelled: string
  attempts_succeeded: string
  attempts_failed: string
  p50: string | null
  p95: string | null
  p99: string | null
  backlog: string
  oldest_pending_at: string | null
}

/**
 * All figures are exact, and are read along indexes: what was created or attempted since `since`,
 * and besides that only what is pending.
 */
export async function readStats(
  database: Database,
  { tenantId, endpointId, since, until }: Parameters<Storage['stats']>[0],
): Promise<StatsRecord> {
  const { schema } = database
  const ofEndpoint = endpointId === undefined ? '' : 'AND endpoint_id = $4'
  const waitingEvents =
    endpointId === undefined
      ? `(SELECT count(*) FROM ${schema}.fan_out_queue WHERE tenant_id = $1)
          + (SELECT count(*) FROM ${schema}.events
              WHERE event_id = ANY (ARRAY(${keptIds(schema)})) AND tenant_id = $1)`
      : '0'
  const span = [since, until ?? Number.MAX_SAFE_INTEGER]
  const [row] = await database.query<StatsRow>(
    `WITH created AS (
      SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
          count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
          count(*) FILTER (WHERE status = 'failed') AS failed,
          count(*) FILTER (WHERE status = 'cancelled') AS cancelled
        FROM ${schema}.deliveries WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3 ${ofEndpoint}
    ), waiting AS (
      SELECT count(*) AS count, min(created_at) AS oldest_pending_at
        FROM ${schema}.deliveries WHERE tenant_id = $1 AND status = 'pending' ${ofEndpoint}
    ), attempted AS (
      -- At most one group per outcome and millisecond of the time-out, however many attempts.
      SELECT succeeded, duration_ms, count(*) AS count
        FROM ${schema}.attempts WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3 ${ofEndpoint}
        GROUP BY succeeded, duration_ms
    ), durations AS (
      SELECT duration_ms, sum(count) OVER (ORDER BY duration_ms) AS up_to, sum(count) OVER () AS "all"
        FROM attempted WHERE succeeded
    )
    SELECT created.*, waiting.count + ${waitingEvents} AS backlog, waiting.oldest_pending_at,
        (SELECT coalesce(sum(count), 0) FROM attempted WHERE succeeded) AS attempts_succeeded,
        (SELECT coalesce(sum(count), 0) FROM attempted WHERE NOT succeeded) AS attempts_failed,
        ${[50, 95, 99].map(nearestRank).join(', ')}
      FROM created, waiting`,
    endpointId === undefined ? [tenantId, ...span] : [tenantId, ...span, endpointId],
    unhurried,
  )
  if (row === undefined) throw new Error('Postgres gave no row for the statistics')
  return {
    deliveries: {
      pending: Number(row.pending),
      succeeded: Number(row.succeeded),
      failed: Number(row.failed),
      cancelled: Number(row.cancelled),
    },
    attempts: {
      succeeded: Number(row.attempts_succeeded),
      failed: Number(row.attempts_failed),
    },
    durationMs: {
      p50: numberOrNull(row.p50),
      p95: numberOrNull(row.p95),
      p99: numberOrNull(row.p99),
    },
    backlog: Number(row.backlog),
    oldestPendingAt: dateOrNull(row.oldest_pending_at),
  }
}

/** In whole numbers, where a share such as 0.95 would be rounded. */
function nearestRank(percent: number): string {
  return `(SELECT min(duration_ms) FROM durations WHERE up_to * 100 >= "all" * ${percent})
    AS p${percent}`
}
