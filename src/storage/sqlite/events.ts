import type { EventListParams, EventRecord, ListResult, NewEvent, Storage } from '../storage.ts'
import { primaryCode, type Statements } from './database.ts'
import { readList } from './list.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { type StoredText, storeText } from './text.ts'

type InsertedEvent = Awaited<ReturnType<Storage['insertEvents']>>[number]

/** Inserts event rows and touches nothing else: this also runs inside a caller's transaction. */
export function insertEvents(statements: Statements, events: NewEvent[]): InsertedEvent[] {
  return events.map((event) => insertEvent(statements, event))
}

function insertEvent(statements: Statements, event: NewEvent): InsertedEvent {
  const { id, createdAt } = event
  const tenantId = storeText(event.tenantId)
  const key = event.idempotencyKey === null ? null : storeText(event.idempotencyKey)
  try {
    statements.run(
      `INSERT INTO webhooks_events
        (event_id, tenant_id, type, created_at, fan_out, channels, idempotency_key, traceparent, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      tenantId,
      storeText(event.type),
      createdAt.getTime(),
      event.fanOut ? 'wait' : 'none',
      JSON.stringify(event.channels),
      key,
      event.traceparent,
      storeText(event.body),
    )
    return { id, createdAt, inserted: true }
  } catch (error) {
    // Not ON CONFLICT DO NOTHING, which would use up a position.
    if (primaryCode(error) !== constraintCode) throw error
    const standing = findStanding(statements, id, tenantId, key)
    if (standing === undefined) throw error
    return standing
  }
}

/** SQLITE_CONSTRAINT (https://www.sqlite.org/rescode.html#constraint) */
const constraintCode = 19

/** The event that keeps another one from being inserted: the same one, or one with its key. */
function findStanding(
  statements: Statements,
  id: string,
  tenantId: StoredText,
  key: StoredText | null,
): InsertedEvent | undefined {
  const byId = 'SELECT created_at FROM webhooks_events WHERE event_id = ?'
  const same = statements.get<{ created_at: number }>(byId, id)
  if (same !== undefined) return { id, createdAt: new Date(same.created_at), inserted: true }
  const standing = statements.get<{ event_id: string; created_at: number }>(
    `SELECT event_id, created_at FROM webhooks_events INDEXED BY webhooks_events_by_key
      WHERE tenant_id = ? AND idempotency_key = ?`,
    tenantId,
    key,
  )
  if (standing === undefined) return undefined
  return { id: standing.event_id, createdAt: new Date(standing.created_at), inserted: false }
}

export function getEvents(
  statements: Statements,
  { tenantId, ids }: { tenantId: string; ids: string[] },
): EventRecord[] {
  const sql = `SELECT ${eventColumns} FROM webhooks_events WHERE event_id = ? AND tenant_id = ?`
  const tenant = storeText(tenantId)
  return [...new Set(ids)].flatMap((id) => {
    const row = statements.getTuple<EventRow>(sql, id, tenant)
    return row === undefined ? [] : [toEventRecord(row)]
  })
}

export function listEvents(
  statements: Statements,
  params: EventListParams,
): ListResult<EventRecord> {
  const { tenantId, type, since, until } = params
  const { ids, total } = readList(statements, params, {
    from: 'webhooks_events INDEXED BY webhooks_events_by_id',
    id: 'event_id',
    stretches: ['tenant_id = :tenant'],
    filters: [
      { sql: 'type = :type', name: 'type', value: type === undefined ? type : storeText(type) },
      { sql: 'created_at >= :since', name: 'since', value: since?.getTime() },
      { sql: 'created_at < :until', name: 'until', value: until?.getTime() },
    ],
    values: { tenant: storeText(tenantId) },
  })
  const sql = `SELECT ${eventColumns} FROM webhooks_events WHERE event_id = ?`
  const rows = ids.map((id) => statements.getTuple<EventRow>(sql, id))
  return { items: rows.filter((row) => row !== undefined).map(toEventRecord), total }
}

export function listEventsWithoutDelivery(
  statements: Statements,
  params: Parameters<Storage['listEventsWithoutDelivery']>[0],
): EventRecord[] {
  // No id is empty, so the empty text comes before the first.
  const rows = statements.allTuples<EventRow>(
    `SELECT ${eventColumns} FROM webhooks_events INDEXED BY webhooks_events_by_id
      WHERE tenant_id = ? AND event_id > ? AND created_at >= ? AND created_at < ?
        AND fan_out = 'done' AND NOT EXISTS (
          SELECT 1 FROM webhooks_deliveries AS delivery
          WHERE delivery.event_id = webhooks_events.event_id AND delivery.endpoint_id = ?)
      ORDER BY event_id LIMIT +?`,
    storeText(params.tenantId),
    params.after ?? '',
    params.since.getTime(),
    params.until.getTime(),
    params.endpointId,
    params.limit,
  )
  return rows.map(toEventRecord)
}
