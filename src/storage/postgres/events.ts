import type { EventRecord, ListResult, Storage } from '../storage.ts'
import type { Database } from './database.ts'
import { Conditions, readList } from './lists.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { pairEquals } from './schema/functions.ts'
import { keptIds } from './schema/kept-events.ts'
import { textArray } from './values.ts'

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
