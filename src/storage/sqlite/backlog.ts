import type { BacklogRecord, WaitingRecord } from '../storage.ts'
import type { Statements } from './database.ts'
import { keptIds } from './kept-events.ts'
import { toDate } from './rows.ts'

/** Counts along partial indexes, which hold what waits and nothing else. */
export function readBacklog(statements: Statements, { now }: { now: Date }): BacklogRecord {
  return {
    events: waitingEvents(statements),
    deliveries: pendingDeliveries(statements),
    endpoints: endpointStates(statements, now),
  }
}

function waitingEvents(statements: Statements): WaitingRecord {
  const row = statements.get<{ count: number; oldest: number | null }>(
    `WITH waiting AS (
        SELECT count(*) AS count, min(position) AS position
          FROM webhooks_events INDEXED BY webhooks_events_waiting WHERE fan_out = 'wait'
        UNION ALL
        SELECT count(*), min(position) FROM webhooks_events WHERE event_id IN (${keptIds})
      )
      SELECT sum(count) AS count, (
          SELECT created_at FROM webhooks_events
            WHERE position = (SELECT min(position) FROM waiting)
        ) AS oldest FROM waiting`,
  )
  return { count: row?.count ?? 0, oldestAt: toDate(row?.oldest ?? null) }
}

function pendingDeliveries(statements: Statements): WaitingRecord {
  const row = statements.get<{ count: number; oldest: number | null }>(
    `SELECT (
        SELECT count(*) FROM webhooks_deliveries INDEXED BY webhooks_deliveries_pending
          WHERE due_at IS NOT NULL
      ) AS count, min((
        SELECT created_at FROM webhooks_deliveries INDEXED BY webhooks_deliveries_by_status
          WHERE tenant_id = tenant.tenant_id AND status = 'pending' ORDER BY delivery_id LIMIT 1
      )) AS oldest FROM webhooks_tenants AS tenant`,
  )
  return { count: row?.count ?? 0, oldestAt: toDate(row?.oldest ?? null) }
}

function endpointStates(statements: Statements, now: Date): BacklogRecord['endpoints'] {
  const states = { disabled: 0, paused: 0, failing: 0, healthy: 0 }
  const rows = statements.all<{ state: keyof typeof states; count: number }>(
    `SELECT CASE WHEN active = 0 THEN 'disabled' WHEN paused_until > ? THEN 'paused'
        WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'healthy' END AS state,
        count(*) AS count
      FROM webhooks_endpoints WHERE deleted_at IS NULL GROUP BY state`,
    now.getTime(),
  )
  for (const { state, count } of rows) states[state] = count
  return states
}
