import type { EventRecord, InsertedEvent, ListResult, NewEvent, Storage } from '../storage.ts'
import { type Database, type Param, paramText } from './database.ts'
import { Conditions, readList } from './lists.ts'
import type { PostgresTransaction } from './pool.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { pairEquals } from './schema/functions.ts'
import { keptIds } from './schema/kept-events.ts'
import { queryIn } from './transactions/client.ts'
import { instantArray, plainArray, TextList, textArray } from './values.ts'

/**
 * Columns are named in one small word each: what a library puts between a transaction and its
 * caller may turn `created_at` into `createdAt`.
 */
interface InsertRow {
  /** Of all, where all were inserted: the columns below are NULL then. */
  positions: string | null
  place: string
  id: string
  created: string
  position: string
  inserted: string
}

/** Runs a statement of ours: prepared under its name, or on the caller's transaction. */
type Run = (name: string, sql: string, params: Param[]) => Promise<unknown[]>

/** @param notify - What tells other processes; `null` for nothing. */
export async function insertEvents(
  database: Database,
  events: NewEvent[],
  notify: string | null,
  transaction: PostgresTransaction | undefined,
): Promise<InsertedEvent[]> {
  const run: Run = (name, sql, params) =>
    transaction === undefined
      ? database.queryNamed(name, sql, params)
      : queryIn(transaction, sql, params.map(paramText))
  const { distinct, answerAll } = withoutRepeats(events)
  const [first] = distinct
  if (first !== undefined && distinct.length === 1) {
    const position = await insertOne(run, database.schema, first, notify)
    if (position !== null) return answerAll([asInserted(first, position)])
  }
  const answers = new Map<number, InsertedEvent>()
  for (const row of await insertAll(run, database.schema, distinct, notify)) {
    if (row.positions !== null) return answerAll(allInserted(distinct, row.positions))
    answers.set(Number(row.place) - 1, {
      id: row.id,
      createdAt: new Date(Number(row.created)),
      position: Number(row.position),
      inserted: row.inserted === 'true',
    })
  }
  return answerAll(distinct.map((_, place) => answers.get(place) as InsertedEvent))
}

function asInserted({ id, createdAt }: NewEvent, position: string): InsertedEvent {
  return { id, createdAt, position: Number(position), inserted: true }
}

/** @param positions - As Postgres writes an array. */
function allInserted(events: NewEvent[], positions: string): InsertedEvent[] {
  const each = positions.slice(1, -1).split(',')
  return events.map((event, place) => asInserted(event, each[place] ?? ''))
}

/** @returns Its position; `null` if it was not inserted: {@link insertAll} says what stands for it. */
async function insertOne(
  run: Run,
  schema: string,
  event: NewEvent,
  notify: string | null,
): Promise<string | null> {
  const params = [
    event.id,
    event.tenantId,
    event.type,
    event.body,
    JSON.stringify(event.channels),
    event.idempotencyKey,
    event.traceparent,
    event.createdAt,
    event.fanOut,
    event.lease?.leaseToken ?? null,
    event.lease?.leaseUntil ?? null,
    notify,
  ]
  const sql = `SELECT ${schema}.insert_event(${placesOfOne})::text AS position`
  const [row] = (await run('insert_event', sql, params)) as { position: string | null }[]
  return row?.position ?? null
}

/** @returns One row with all positions where all were inserted; else a row for each. */
async function insertAll(
  run: Run,
  schema: string,
  events: NewEvent[],
  notify: string | null,
): Promise<InsertRow[]> {
  const params = [
    new TextList(events.map((event) => event.id)),
    new TextList(events.map((event) => event.tenantId)),
    new TextList(events.map((event) => event.type)),
    new TextList(events.map((event) => event.body)),
    new TextList(events.map((event) => JSON.stringify(event.channels))),
    listOrNull(events.map((event) => event.idempotencyKey)),
    listOrNull(events.map((event) => event.traceparent)),
    instantArray(events.map((event) => event.createdAt)),
    plainArray(events.map((event) => event.fanOut)),
    ...leaseParams(events),
    notify,
  ]
  const sql = `SELECT positions::text, place::text, event_id AS id, created_at::text AS created,
      event_position::text AS position, inserted::text
    FROM ${schema}.insert_events(${placesOfMany})`
  return (await run('insert_events', sql, params)) as InsertRow[]
}

function listOrNull(values: (string | null)[]): TextList | null {
  return values.every((value) => value === null) ? null : new TextList(values)
}

/** @returns `null` for both where no event has a lease. */
function leaseParams(events: NewEvent[]): Param[] {
  if (events.every(({ lease }) => lease === null)) return [null, null]
  return [
    textArray(events.map(({ lease }) => lease?.leaseToken ?? null)),
    instantArray(events.map(({ lease }) => lease?.leaseUntil ?? null)),
  ]
}

const as = (type: string) => (param: string) => `${param}::text::${type}`
const each = <Place>(count: number, place: Place) => Array<Place>(count).fill(place)

const placesOfOne = placesOf([
  ...each(4, as('text')),
  as('json'),
  ...each(2, as('text')),
  as('bigint'),
  as('boolean'),
  as('text'),
  as('bigint'),
  as('text'),
])
const placesOfMany = placesOf([
  ...each(7, TextList.sql),
  as('bigint[]'),
  as('boolean[]'),
  as('text[]'),
  as('bigint[]'),
  as('text'),
])

/**
 * All parameters are declared as text and all values returned as text: then no driver between us
 * and the server has a type to convert.
 */
function placesOf(places: ((param: string) => string)[]): string {
  return places.map((place, index) => place(`$${index + 1}`)).join(', ')
}

/** A batch in which no id and no key stands twice, and how its answers become those of all. */
function withoutRepeats(events: NewEvent[]): {
  distinct: NewEvent[]
  answerAll(answers: InsertedEvent[]): InsertedEvent[]
} {
  const distinct: NewEvent[] = []
  const placeOfId = new Map<string, number>()
  const placeOfKey = new Map<string, number>()
  const places = events.map((event) => {
    const { id, tenantId, idempotencyKey } = event
    const key = idempotencyKey === null ? null : JSON.stringify([tenantId, idempotencyKey])
    const repeated = placeOfId.get(id)
    if (repeated !== undefined) return { place: repeated, stands: true }
    const standing = key === null ? undefined : placeOfKey.get(key)
    const place = standing ?? distinct.push(event) - 1
    placeOfId.set(id, place)
    if (key !== null) placeOfKey.set(key, place)
    return { place, stands: standing === undefined }
  })
  return {
    distinct,
    answerAll(answers) {
      return places.map(({ place, stands }) => {
        const answer = answers[place] as InsertedEvent
        return stands ? answer : { ...answer, inserted: false }
      })
    },
  }
}

export async function getEvents(
  database: Database,
  { tenantId, ids }: { tenantId: string; ids: string[] },
): Promise<EventRecord[]> {
  const rows = await database.query<EventRow>(
    `SELECT ${eventColumns} FROM ${database.schema}.events AS event
      WHERE event_id = ANY ($1::text[]) AND tenant_id = $2`,
    [textArray(ids), tenantId],
  )
  return rows.map(toEventRecord)
}

export async function listEvents(
  database: Database,
  { tenantId, type, since, until, ...page }: Parameters<Storage['listEvents']>[0],
): Promise<ListResult<EventRecord>> {
  const conditions = new Conditions()
    .and('tenant_id', '=', tenantId)
    .and('type', '=', type)
    .and('created_at', '>=', since)
    .and('created_at', '<', until)
  const list = await readList<EventRow>(database, page, {
    table: 'events',
    alias: 'event',
    id: 'event_id',
    stretches: [conditions],
    columns: eventColumns,
  })
  return { ...list, items: list.items.map(toEventRecord) }
}

const isOwed = pairEquals(['delivery.event_id', 'delivery.endpoint_id'], ['event.event_id', '$5'])

export async function listEventsWithoutDelivery(
  database: Database,
  params: Parameters<Storage['listEventsWithoutDelivery']>[0],
): Promise<EventRecord[]> {
  const { tenantId, endpointId, since, until, after, limit } = params
  const rows = await database.query<EventRow>(
    `SELECT ${eventColumns} FROM ${database.schema}.events AS event
      WHERE tenant_id = $1 AND event_id > $2 AND created_at >= $3 AND created_at < $4
        AND fan_out AND NOT EXISTS (
          -- As pairEquals: looked up for each event, and never read from one end to the other.
          SELECT FROM ${database.schema}.fan_out_queue AS waiting
            WHERE waiting.event_id BETWEEN event.event_id AND event.event_id)
        AND event_id NOT IN (${keptIds(database.schema)})
        AND NOT EXISTS (
          SELECT FROM ${database.schema}.deliveries AS delivery
            WHERE ${isOwed})
      ORDER BY event_id LIMIT $6`,
    [tenantId, after ?? '', since, until, endpointId, limit],
  )
  return rows.map(toEventRecord)
}
