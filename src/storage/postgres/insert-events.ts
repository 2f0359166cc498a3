import type { InsertedEvent, NewEvent } from '../storage.ts'
import type { Database, Param } from './database.ts'
import { insertOne } from './insert-one.ts'
import type { PostgresTransaction } from './pool.ts'
import { as, type Place, placesOf } from './text-params.ts'
import { type Run, runnerFor } from './transactions/client.ts'
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

/** @param notify - What tells other processes; `null` for nothing. */
export async function insertEvents(
  database: Database,
  events: NewEvent[],
  notify: string | null,
  transaction: PostgresTransaction | undefined,
): Promise<InsertedEvent[]> {
  const { distinct, answerAll } = withoutRepeats(events)
  const [first] = distinct
  if (first !== undefined && distinct.length === 1) {
    const position = await insertOne(database, first, notify, transaction)
    if (position !== null) return answerAll([asInserted(first, position)])
  }
  const answers = new Map<number, InsertedEvent>()
  const run = runnerFor(database, transaction)
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
    FROM ${schema}.insert_events(${places})`
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

const places = placesOf([
  ...Array<Place>(7).fill(TextList.sql),
  as('bigint[]'),
  as('boolean[]'),
  as('text[]'),
  as('bigint[]'),
  as('text'),
])

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
