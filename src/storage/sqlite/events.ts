import type {
  EventListParams,
  EventRecord,
  InsertedEvent,
  ListResult,
  NewEvent,
  Storage,
} from '../storage.ts'
import { type Database, primaryCode, type Statements } from './database.ts'
import { keepEvents, keptIds } from './kept-events.ts'
import { readList } from './list.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { type StoredText, storeText } from './text.ts'

/**
 * Inserts event rows and, but for those under a lease, touches nothing else: this also runs inside a
 * caller's transaction.
 */
export function insertEvents(statements: Statements, events: NewEvent[]): InsertedEvent[] {
  const leased: NewEvent[] = []
  const answers = events.map((event) => {
    const { answer, isNew } = insertEvent(statements, event)
    if (isNew && event.lease !== null) leased.push(event)
    return answer
  })
  if (leased.length > 0) keepEvents(statements, leased)
  return answers
}

function insertEvent(
  statements: Statements,
  event: NewEvent,
): { answer: InsertedEvent; isNew: boolean } {
  const { id, createdAt } = event
  const tenantId = storeText(event.tenantId)
  const key = event.idempotencyKey === null ? null : storeText(event.idempotencyKey)
  const isKept = event.lease !== null
  try {
    const position = statements.insert(
      `INSERT INTO webhooks_events (event_id, tenant_id, type, created_at, fan_out, owed, channels,
          idempotency_key, traceparent, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      tenantId,
      storeText(event.type),
      createdAt.getTime(),
      event.fanOut ? (isKept ? 'done' : 'wait') : 'none',
      isKept ? 1 : 0,
      JSON.stringify(event.channels),
      key,
      event.traceparent,
      storeText(event.body),
    )
    return { answer: { id, createdAt, position, inserted: true }, isNew: true }
  } catch (error) {
    // Not ON CONFLICT DO NOTHING, which would use up a position.
    if (primaryCode(error) !== constraintCode) throw error
    const standing = findStanding(statements, id, tenantId, key)
    if (standing === undefined) throw error
    return { answer: standing, isNew: false }
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
  const same = statements.get<StandingRow>(
    'SELECT event_id, created_at, position FROM webhooks_events WHERE event_id = ?',
    id,
  )
  if (same !== undefined) return toAnswer(same, true)
  const standing = statements.get<StandingRow>(
    `SELECT event_id, created_at, position FROM webhooks_events INDEXED BY webhooks_events_by_key
      WHERE tenant_id = ? AND idempotency_key = ?`,
    tenantId,
    key,
  )
  return standing && toAnswer(standing, false)
}

interface StandingRow {
  event_id: string
  created_at: number
  position: number
}

function toAnswer(
  { event_id, created_at, position }: StandingRow,
  inserted: boolean,
): InsertedEvent {
  return { id: event_id, createdAt: new Date(created_at), position, inserted }
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

/** Events looked through at once: hardly any may be missing, and the event loop waits for each read. */
const eventsPerRead = 5_000

export async function listEventsWithoutDelivery(
  database: Database,
  params: Parameters<Storage['listEventsWithoutDelivery']>[0],
): Promise<EventRecord[]> {
  const found: EventRecord[] = []
  // No id is empty, so the empty text comes before the first.
  let after: string | null = params.after ?? ''
  while (after !== null && found.length < params.limit) {
    const part: Part = { ...params, after, limit: params.limit - found.length }
    const { events, last }: PartRead = await database.read((statements) =>
      readPart(statements, part),
    )
    found.push(...events)
    after = last
  }
  return found
}

type Part = Parameters<Storage['listEventsWithoutDelivery']>[0] & { after: string }

interface PartRead {
  events: EventRecord[]
  /** The id that the part ends with; `null` if it is the last one. */
  last: string | null
}

function readPart(statements: Statements, params: Part): PartRead {
  const tenant = storeText(params.tenantId)
  const end = statements.get<{ event_id: string }>(
    `SELECT event_id FROM webhooks_events INDEXED BY webhooks_events_by_id
      WHERE tenant_id = ? AND event_id > ? ORDER BY event_id LIMIT 1 OFFSET +?`,
    tenant,
    params.after,
    eventsPerRead - 1,
  )
  const last = end?.event_id ?? null
  const rows = statements.allTuples<EventRow>(
    `SELECT ${eventColumns} FROM webhooks_events INDEXED BY webhooks_events_by_id
      WHERE tenant_id = ? AND event_id > ? AND event_id <= ? AND created_at >= ? AND created_at < ?
        AND fan_out = 'done' AND event_id NOT IN (${keptIds}) AND NOT EXISTS (
          SELECT 1 FROM webhooks_deliveries AS delivery
          WHERE delivery.event_id = webhooks_events.event_id AND delivery.endpoint_id = ?)
      ORDER BY event_id LIMIT +?`,
    tenant,
    params.after,
    last ?? afterAllIds,
    params.since.getTime(),
    params.until.getTime(),
    params.endpointId,
    params.limit,
  )
  return { events: rows.map(toEventRecord), last }
}

/** Ids are ASCII. */
const afterAllIds = '\u{10ffff}'
