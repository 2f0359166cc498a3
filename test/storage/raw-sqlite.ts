import { DatabaseSync } from 'node:sqlite'
import type { RawRows } from '../../src/testing/index.ts'

type Row = Record<string, string | number | Uint8Array | null>

/** What a file holds, read by statements of our own. Text that UTF-8 cannot hold is UTF-16. */
/** Deliveries with their leases, which stand in a table of their own. */
const deliveriesWithLeases = `(
  SELECT delivery.*, lease_token,
      iif(lease.due_at > 0 AND delivery.due_at NOT NULL, lease.due_at, delivery.due_at) AS due
    FROM webhooks_deliveries AS delivery LEFT JOIN webhooks_delivery_leases AS lease
      ON lease.delivery_id = delivery.delivery_id)`

export function readRawSqlite(path: string): RawRows {
  const file = new DatabaseSync(path, { readOnly: true })
  const all = (table: string) => file.prepare(`SELECT * FROM ${table}`).all() as Row[]
  try {
    return {
      events: all('webhooks_events').map((row) => ({
        id: text(row.event_id),
        tenantId: text(row.tenant_id),
        type: text(row.type),
        body: text(row.body),
        idempotencyKey: orNull(row.idempotency_key, text),
        createdAt: instant(row.created_at),
      })),
      endpoints: all('webhooks_endpoints').map((row) => ({
        id: text(row.endpoint_id),
        tenantId: text(row.tenant_id),
        url: text(row.url),
        active: row.active === 1,
        pausedUntil: orNull(row.paused_until, instant),
        failedAttempts: Number(row.failed_attempts),
        headers: JSON.parse(text(row.headers)),
        secrets: JSON.parse(text(row.secrets)).map(({ value }: { value: string }) => value),
        deleted: row.deleted_at !== null,
      })),
      deliveries: all(deliveriesWithLeases).map((row) => ({
        id: text(row.delivery_id),
        tenantId: text(row.tenant_id),
        eventId: text(row.event_id),
        endpointId: text(row.endpoint_id),
        status: text(row.status) as RawRows['deliveries'][number]['status'],
        attempts: Number(row.attempts),
        dueAt: orNull(row.due, instant),
        leaseToken: orNull(row.lease_token, text),
      })),
      attempts: all('webhooks_attempts').map((row) => ({
        id: text(row.attempt_id),
        tenantId: text(row.tenant_id),
        deliveryId: text(row.delivery_id),
        number: Number(row.number),
        succeeded: row.succeeded === 1,
        responseStatus: orNull(row.response_status, Number),
        responseBody: orNull(row.response_body, text),
      })),
    }
  } finally {
    file.close()
  }
}

function text(stored: unknown): string {
  return stored instanceof Uint8Array ? Buffer.from(stored).toString('utf16le') : String(stored)
}

function instant(ms: unknown): Date {
  return new Date(Number(ms))
}

function orNull<Value>(stored: unknown, read: (stored: unknown) => Value): Value | null {
  return stored === null ? null : read(stored)
}
