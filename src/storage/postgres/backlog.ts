import type { BacklogRecord } from '../storage.ts'
import type { Database } from './database.ts'
import { dateOrNull } from './rows.ts'
import { keptIds } from './schema/kept-events.ts'

interface BacklogRow {
  waiting: string
  oldest_waiting_at: string | null
  pending: string
  oldest_pending_at: string | null
  disabled: string
  paused: string
  failing: string
  healthy: string
}

/** Counts along the indexes that hold what waits and nothing else. */
export async function readBacklog(database: Database, now: Date): Promise<BacklogRecord> {
  const { schema } = database
  const [row] = await database.query<BacklogRow>(
    `WITH oldest_event AS (
      -- Along the index alone; then one look at the table.
      SELECT tenant_id, position FROM ${schema}.fan_out_queue ORDER BY position LIMIT 1
    ), kept AS (
      SELECT count(*) AS count, min(created_at) AS oldest_at FROM ${schema}.events
        WHERE event_id = ANY (ARRAY(${keptIds(schema)}))
    ), endpoint AS (
      SELECT count(*) FILTER (WHERE NOT active) AS disabled,
          count(*) FILTER (WHERE active AND paused_until > $1::bigint) AS paused,
          count(*) FILTER (WHERE active AND NOT coalesce(paused_until > $1::bigint, false)
            AND failing_since IS NOT NULL) AS failing,
          count(*) AS "all"
        FROM ${schema}.endpoints WHERE deleted_at IS NULL
    )
    SELECT kept.count + (SELECT count(*) FROM ${schema}.fan_out_queue) AS waiting,
      least(kept.oldest_at, (SELECT event.created_at FROM oldest_event
        JOIN ${schema}.fan_out_queue AS waiting USING (tenant_id, position)
        JOIN ${schema}.events AS event ON event.event_id = waiting.event_id
      )) AS oldest_waiting_at,
      (SELECT count(*) FROM ${schema}.schedule WHERE due_at IS NOT NULL) AS pending,
      (SELECT min(first.created_at)
        FROM (SELECT DISTINCT tenant_id FROM ${schema}.lanes WHERE due_at IS NOT NULL) AS tenant
        CROSS JOIN LATERAL (
          SELECT created_at FROM ${schema}.deliveries
            WHERE tenant_id = tenant.tenant_id AND status = 'pending'
            ORDER BY delivery_id LIMIT 1
        ) AS first
      ) AS oldest_pending_at,
      disabled, paused, failing, "all" - disabled - paused - failing AS healthy
      FROM endpoint, kept`,
    [now],
  )
  if (row === undefined) throw new Error('Postgres gave no row for the backlog')
  return {
    events: { count: Number(row.waiting), oldestAt: dateOrNull(row.oldest_waiting_at) },
    deliveries: { count: Number(row.pending), oldestAt: dateOrNull(row.oldest_pending_at) },
    endpoints: {
      disabled: Number(row.disabled),
      paused: Number(row.paused),
      failing: Number(row.failing),
      healthy: Number(row.healthy),
    },
  }
}
