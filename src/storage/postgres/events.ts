import type { EventRecord, ListResult, NewEvent, Storage } from '../storage.ts'
import { type Database, type Param, paramText } from './database.ts'
import { Conditions, readList } from './lists.ts'
import type { PostgresTransaction } from './pool.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { pairEquals } from './schema/functions.ts'
import { queryIn } from './transactions/client.ts'
import { instantArray, plainArray, TextList, textArray } from './values.ts'

type InsertAnswer = Awaited<ReturnType<Storage['insertEvents']>>[number]

/**
 * Columns are named in one small word each: what a library puts between a transaction and its
 * caller may turn `created_at` into `createdAt`.
 */
interface InsertRow {
  place: string
  id: string
  created: string
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
): Promise<InsertAnswer[]> {
  const run: Run = (name, sql, params) =>
    transaction === undefined
      ? database.queryNamed(name, sql, params)
      : queryIn(transaction, sql, params.map(paramText))
  const { distinct, answerAll } = withoutRepeats(events)
  const answers = distinct.map(
    ({ id, createdAt }): InsertAnswer => ({ id, createdAt, inserted: true }),
  )
  const [first] = distinct
  const isInserted =
    first !== undefined &&
    distinct.length === 1 &&
    (await insertOne(run, database.schema, first, notify))
  if (isInserted) return answerAll(answers)
  for (const row of await insertAll(run, database.schema, distinct, notify)) {
    answers[Number(row.place) - 1] = {
      id: row.id,
      createdAt: new Date(Number(row.created)),
      inserted: row.inserted === 'true',
    }
  }
  return answerAll(answers)
}

/** @returns Whether the event was inserted; if not, {@link insertAll} says what stands for it. */
async function insertOne(
  run: Run,
  schema: string,
  event: NewEvent,
  notify: string | null,
): Promise<boolean> {
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
    notify,
  ]
  const sql = `SELECT ${schema}.insert_event(${placesOfOne})::text AS inserted`
  const [row] = (await run('insert_event', sql, params)) as Pick<InsertRow, 'inserted'>[]
  return row?.inserted === 'true'
}

/** @returns Nothing where all were inserted; else a row for each. */
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
    new TextList(events.map((event) => event.idempotencyKey)),
    new TextList(events.map((event) => event.traceparent)),
    instantArray(events.map((event) => event.createdAt)),
    plainArray(events.map((event) => event.fanOut)),
    notify,
  ]
  const sql = `SELECT place::text, event_id AS id, created_at::text AS created, inserted::text
    FROM ${schema}.insert_events(${placesOfMany})`
  return (await run('insert_events', sql, params)) as InsertRow[]
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
])
const placesOfMany = placesOf([
  ...each(7, TextList.sql),
  as('bigint[]'),
  as('boolean[]'),
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
  answerAll(answers: InsertAnswer[]): InsertAnswer[]
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
        const answer = answers[place] as InsertAnswer
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
        AND NOT EXISTS (
          SELECT FROM ${database.schema}.deliveries AS delivery
            WHERE ${isOwed})
      ORDER BY event_id LIMIT $6`,
    [tenantId, after ?? '', since, until, endpointId, limit],
  )
  return rows.map(toEventRecord)
}
