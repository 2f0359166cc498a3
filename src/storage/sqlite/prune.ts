import type { Statements } from './database.ts'
import { endLease } from './leases.ts'
import type { StoredText } from './text.ts'

/**
 * Deletes final deliveries with their attempts, then events without any, then deleted endpoints
 * without any. Events are found by their mark `owed`, not by a search that would pass over those
 * that still have deliveries each time.
 */
export function prune(
  statements: Statements,
  { before, limit }: { before: Date; limit: number },
): { deliveries: number; events: number } {
  const deliveries = pruneDeliveries(statements, before.getTime(), limit)
  const events = pruneEvents(statements, before.getTime(), limit - deliveries)
  // Few as a rule, and at the end all of them: nobody would call again for their sake.
  const isEnd = deliveries + events < limit
  pruneEndpoints(statements, before.getTime(), isEnd ? unlimited : limit)
  return { deliveries, events }
}

/** In SQLite, a limit below zero is none. */
const unlimited = -1

function pruneDeliveries(statements: Statements, before: number, limit: number): number {
  const rows = statements.all<{ delivery_id: string; event_id: string }>(
    `SELECT delivery_id, event_id
      FROM webhooks_deliveries INDEXED BY webhooks_deliveries_completed
      WHERE completed_at < ? ORDER BY completed_at LIMIT +?`,
    before,
    limit,
  )
  for (const { delivery_id } of rows) {
    // Its attempts go with it: ON DELETE CASCADE.
    statements.run('DELETE FROM webhooks_deliveries WHERE delivery_id = ?', delivery_id)
    endLease(statements, delivery_id)
  }
  for (const eventId of new Set(rows.map((row) => row.event_id))) {
    statements.run(
      `UPDATE webhooks_events SET owed = 0
        WHERE event_id = ? AND fan_out <> 'wait' AND NOT EXISTS (
          SELECT 1 FROM webhooks_deliveries AS delivery
          WHERE delivery.event_id = webhooks_events.event_id)`,
      eventId,
    )
  }
  return rows.length
}

function pruneEvents(statements: Statements, before: number, limit: number): number {
  return statements.run(
    `DELETE FROM webhooks_events WHERE position IN (
      SELECT position FROM webhooks_events INDEXED BY webhooks_events_unowed
      WHERE owed = 0 AND fan_out <> 'wait' AND created_at < ? ORDER BY created_at LIMIT +?)`,
    before,
    limit,
  )
}

function pruneEndpoints(statements: Statements, before: number, limit: number): void {
  const rows = statements.all<{ endpoint_id: string; tenant_id: StoredText }>(
    `SELECT endpoint_id, tenant_id
      FROM webhooks_endpoints AS endpoint INDEXED BY webhooks_endpoints_deleted
      WHERE deleted_at < ? AND NOT EXISTS (
        SELECT 1 FROM webhooks_deliveries AS delivery
        WHERE delivery.tenant_id = endpoint.tenant_id
          AND delivery.endpoint_id = endpoint.endpoint_id)
      LIMIT +?`,
    before,
    limit,
  )
  for (const { endpoint_id } of rows) {
    statements.run('DELETE FROM webhooks_endpoints WHERE endpoint_id = ?', endpoint_id)
    statements.run('DELETE FROM webhooks_lanes WHERE endpoint_id = ?', endpoint_id)
  }
}
