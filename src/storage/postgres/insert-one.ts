import type { NewEvent } from '../storage.ts'
import type { Database, Param } from './database.ts'
import type { PostgresTransaction } from './pool.ts'
import { addToKept } from './schema/kept-events.ts'
import { as, placesOf } from './text-params.ts'
import { type Run, runnerFor } from './transactions/client.ts'

interface Inserted {
  position: string | null
}

/**
 * Inserts an event that comes alone: in one statement, where it is planned once, and else by a
 * function, which does the same in three that stay planned.
 *
 * @param notify - What tells other processes; `null` for nothing.
 * @returns Its position; `null` if it was not inserted: `insert_events` says what stands for it.
 */
export async function insertOne(
  database: Database,
  event: NewEvent,
  notify: string | null,
  transaction: PostgresTransaction | undefined,
): Promise<string | null> {
  const isPlanned = transaction === undefined && database.prepares && event.fanOut
  const rows = isPlanned
    ? await insertByStatement(database, event, notify)
    : await insertByFunction(runnerFor(database, transaction), database.schema, event, notify)
  return rows[0]?.position ?? null
}

function insertByStatement(
  database: Database,
  event: NewEvent,
  notify: string | null,
): Promise<Inserted[]> {
  const { schema, names } = database
  const { lease } = event
  const inserted = `WITH inserted AS (
      INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, idempotency_key,
          traceparent, created_at, fan_out, unowed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true, false)
        ON CONFLICT DO NOTHING RETURNING event_id, tenant_id, position
    )`
  if (lease !== null) {
    const sql = `${inserted}, kept AS (
        INSERT INTO ${schema}.kept_events (due_at, lease_token, event_ids)
          SELECT $9::bigint, $10, ARRAY[event_id] FROM inserted
          ${addToKept}
      )
      SELECT position FROM inserted`
    const params = [...paramsOf(event), lease.leaseUntil, lease.leaseToken]
    return database.queryNamed('insert kept event', sql, params)
  }
  const queued = `${inserted}, queued AS (
      INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
        SELECT event_id, tenant_id, position FROM inserted
    )`
  if (notify === null) {
    const sql = `${queued} SELECT position FROM inserted`
    return database.queryNamed('insert event', sql, paramsOf(event))
  }
  const sql = `${queued} SELECT position, pg_notify(${names.channelLiteral}, $9) FROM inserted`
  return database.queryNamed('insert event and notify', sql, [...paramsOf(event), notify])
}

function insertByFunction(
  run: Run,
  schema: string,
  event: NewEvent,
  notify: string | null,
): Promise<Inserted[]> {
  const sql = `SELECT ${schema}.insert_event(${places})::text AS position`
  const { fanOut, lease } = event
  return run('insert_event', sql, [
    ...paramsOf(event),
    fanOut,
    lease?.leaseToken ?? null,
    lease?.leaseUntil ?? null,
    notify,
  ]) as Promise<Inserted[]>
}

const places = placesOf(
  [
    'text',
    'text',
    'text',
    'text',
    'json',
    'text',
    'text',
    'bigint',
    'boolean',
    'text',
    'bigint',
    'text',
  ].map(as),
)

function paramsOf(event: NewEvent): Param[] {
  return [
    event.id,
    event.tenantId,
    event.type,
    event.body,
    JSON.stringify(event.channels),
    event.idempotencyKey,
    event.traceparent,
    event.createdAt,
  ]
}
