import type pg from 'pg'
import type { RawRows } from '../../src/testing/index.ts'

/**
 * What a schema holds, read by statements of our own; the pool's parsers are those of `pg`.
 *
 * @param pool - Not the one that the storage uses.
 */
export async function readRawPostgres(pool: pg.Pool, schema: string): Promise<RawRows> {
  const all = async (sql: string) => (await pool.query(sql.replaceAll('$', `"${schema}"`))).rows
  return {
    events: (await all('SELECT * FROM $.events')).map((row) => ({
      id: row.event_id,
      tenantId: text(row.tenant_id),
      type: text(row.type),
      body: text(row.body),
      idempotencyKey: orNull(row.idempotency_key, text),
      createdAt: instant(row.created_at),
    })),
    endpoints: (await all('SELECT * FROM $.endpoints')).map((row) => ({
      id: row.endpoint_id,
      tenantId: text(row.tenant_id),
      url: text(row.url),
      active: row.active,
      pausedUntil: orNull(row.paused_until, instant),
      failedAttempts: Number(row.failed_attempts),
      headers: row.headers,
      secrets: row.secrets.map(({ value }: { value: string }) => value),
      deleted: row.deleted_at !== null,
    })),
    deliveries: (
      await all(`SELECT deliveries.*, due_at, lease_token
        FROM $.deliveries LEFT JOIN $.schedule USING (delivery_id)`)
    ).map((row) => ({
      id: row.delivery_id,
      tenantId: text(row.tenant_id),
      eventId: row.event_id,
      endpointId: row.endpoint_id,
      status: row.status,
      attempts: row.attempts,
      dueAt: orNull(row.due_at, instant),
      leaseToken: orNull(row.lease_token, text),
    })),
    attempts: (await all('SELECT * FROM $.attempts')).map((row) => ({
      id: row.attempt_id,
      tenantId: text(row.tenant_id),
      deliveryId: row.delivery_id,
      number: row.number,
      succeeded: row.succeeded,
      responseStatus: row.response_status,
      responseBody: orNull(row.response_body, text),
    })),
  }
}

/** U+001A and four hexadecimal digits stand for a code unit that Postgres does not take. */
function text(stored: string): string {
  const parts = stored.split('\u001a')
  const decoded = parts.slice(1).map((part) => {
    return String.fromCharCode(Number(`0x${part.slice(0, 4)}`)) + part.slice(4)
  })
  return [parts[0], ...decoded].join('')
}

function instant(ms: string): Date {
  return new Date(Number(ms))
}

function orNull<Value>(stored: string | null, read: (stored: string) => Value): Value | null {
  return stored === null ? null : read(stored)
}
