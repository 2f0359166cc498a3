import type { Attempt } from '../../model.ts'
import type { DeliveryRecord, Lease, ListResult, NewDelivery, Storage } from '../storage.ts'
import type { Database, Param } from './database.ts'
import { Conditions, readList } from './lists.ts'
import {
  type AttemptRow,
  type DeliveryRow,
  dateOrNull,
  toAttempt,
  toDeliveryRecord,
} from './rows.ts'
import { unindexed } from './schema/functions.ts'
import { decodeText, instantArray, TextList, textArray } from './values.ts'

/** A new delivery, which may have its first attempt behind it. */
export type AddedDelivery = Omit<NewDelivery, 'status'> & Pick<DeliveryRecord, 'status'>

/** Each event and endpoint once. */
export function distinct(deliveries: NewDelivery[]): NewDelivery[] {
  const firsts = new Map<string, NewDelivery>()
  for (const delivery of deliveries) {
    const key = `${delivery.eventId} ${delivery.endpointId}`
    if (!firsts.has(key)) firsts.set(key, delivery)
  }
  return [...firsts.values()]
}

/** New deliveries as our functions take them. */
export function deliveryParams(rows: AddedDelivery[]): Param[] {
  return [
    new TextList(rows.map((row) => row.id)),
    new TextList(rows.map((row) => row.tenantId)),
    new TextList(rows.map((row) => row.eventId)),
    new TextList(rows.map((row) => row.endpointId)),
    new TextList(rows.map((row) => row.eventType)),
    new TextList(rows.map((row) => row.status)),
    new TextList(rows.map((row) => row.cancelReason)),
    instantArray(
      rows.map((row) => (row.status === 'pending' ? (row.dueAt ?? row.createdAt) : null)),
    ),
    new TextList(rows.map((row) => row.leaseToken)),
    instantArray(rows.map((row) => row.createdAt)),
  ]
}

export async function insertDeliveries(
  database: Database,
  { deliveries }: Parameters<Storage['insertDeliveries']>[0],
  notify: string | null,
): Promise<string[]> {
  const isLeased = deliveries.every(({ leaseToken }) => leaseToken !== null)
  const rows = await database.call<{ insert_deliveries: string }>('insert_deliveries', [
    ...deliveryParams(distinct(deliveries)),
    // Whether it is due by now is for the next claim to see.
    0,
    isLeased ? null : notify,
  ])
  return rows.map((row) => row.insert_deliveries)
}

export async function renewLeases(
  database: Database,
  { leases, leaseUntil }: { leases: Lease[]; leaseUntil: Date },
): Promise<string[]> {
  const params = [...leaseParams(leases), leaseUntil]
  const rows = await database.call<{ renew_leases: string }>('renew_leases', params)
  return rows.map((row) => row.renew_leases)
}

export async function releaseDeliveries(
  database: Database,
  { leases, now }: { leases: Lease[]; now: Date },
  notify: string | null,
): Promise<void> {
  await database.call('release_deliveries', [...leaseParams(leases), now, notify])
}

/** Leases as our functions take them, each once. */
export function leaseParams(leases: Lease[]): string[] {
  const byKey = new Map(leases.map((held) => [JSON.stringify([held.id, held.leaseToken]), held]))
  const distinctLeases = [...byKey.values()]
  return [
    textArray(distinctLeases.map(({ id }) => id)),
    textArray(distinctLeases.map(({ leaseToken }) => leaseToken)),
  ]
}

export async function requeueDeliveries(
  database: Database,
  { tenantId, ids, now }: Parameters<Storage['requeueDeliveries']>[0],
  notify: string | null,
): Promise<string[]> {
  const params = [tenantId, textArray(ids), now, notify]
  const rows = await database.call<{ requeue_deliveries: string }>('requeue_deliveries', params)
  return rows.map((row) => row.requeue_deliveries)
}

export async function cancelDeliveries(
  database: Database,
  { tenantId, which, reason, now, limit }: Parameters<Storage['cancelDeliveries']>[0],
): Promise<string[]> {
  const ids = 'ids' in which ? textArray(which.ids) : null
  const endpointId = 'ids' in which ? null : which.endpointId
  const params = [tenantId, ids, endpointId, reason, now, limit]
  const rows = await database.call<{ cancel_deliveries: string }>('cancel_deliveries', params)
  return rows.map((row) => row.cancel_deliveries)
}

interface ScheduledRow extends DeliveryRow {
  due_at: string | null
  lease_token: string | null
}

const columns = 'delivery.*, entry.due_at, entry.lease_token'

function withSchedule(schema: string): string {
  return `LEFT JOIN ${schema}.schedule AS entry USING (delivery_id)`
}

function toRecord(row: ScheduledRow): DeliveryRecord {
  const leaseToken = row.lease_token === null ? null : decodeText(row.lease_token)
  return toDeliveryRecord(row, { dueAt: dateOrNull(row.due_at), leaseToken })
}

export async function getDelivery(
  database: Database,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<DeliveryRecord | null> {
  const [row] = await database.query<ScheduledRow>(
    `SELECT ${columns} FROM ${database.schema}.deliveries AS delivery
      ${withSchedule(database.schema)}
      WHERE delivery_id = $1 AND tenant_id = $2`,
    [id, tenantId],
  )
  return row === undefined ? null : toRecord(row)
}

const statuses = ['pending', 'succeeded', 'failed', 'cancelled'] as const

export async function listDeliveries(
  database: Database,
  params: Parameters<Storage['listDeliveries']>[0],
): Promise<ListResult<DeliveryRecord>> {
  const { tenantId, endpointId, eventId, type, status, since, until, ...page } = params
  const conditions = new Conditions()
    .and('tenant_id', '=', tenantId)
    .and('endpoint_id', '=', endpointId)
    .and('event_id', '=', eventId)
    .and('event_type', '=', type)
    .and('created_at', '>=', since)
    .and('created_at', '<', until)
  // An event has few deliveries; all other lists are read along an index that begins with a status.
  const asked = status !== undefined || eventId !== undefined ? [status] : statuses
  const list = await readList<ScheduledRow>(database, page, {
    table: 'deliveries',
    alias: 'delivery',
    id: 'delivery_id',
    stretches: asked.map((each) => conditions.copy().and('status', '=', each)),
    columns,
    join: withSchedule(database.schema),
  })
  return { ...list, items: list.items.map(toRecord) }
}

export async function listAttempts(
  database: Database,
  { tenantId, deliveryIds }: { tenantId: string; deliveryIds: string[] },
): Promise<Attempt[]> {
  const rows = await database.query<AttemptRow>(
    `SELECT * FROM ${database.schema}.attempts
      WHERE delivery_id = ANY ($1::text[]) AND ${unindexed('tenant_id')} = $2
      ORDER BY attempt_id`,
    [textArray(deliveryIds), tenantId],
  )
  return rows.map(toAttempt)
}
