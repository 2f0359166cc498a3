import type { RecentEndpoints } from '../recent-records.ts'
import type {
  EndpointRecord,
  EventRecord,
  FanOutAnswer,
  FanOutResult,
  Lease,
  NewDelivery,
  Settlement,
  Storage,
} from '../storage.ts'
import type { Database } from './database.ts'
import { type AddedDelivery, deliveryParams, distinct, leaseParams } from './deliveries.ts'
import {
  type LeasedEndpointRow,
  leasedEndpointColumns,
  leasedEndpoints,
} from './leased-endpoints.ts'
import { type EventRow, toEndpointRecord, toEventRecord } from './rows.ts'
import { attemptParams } from './settle-deliveries.ts'
import { instantArray, jsonOrNull, plainArray, TextList } from './values.ts'

/** @param after - The tenant that was served last. */
export async function claimEvents(
  database: Database,
  { now, leaseToken, leaseUntil, limit }: Parameters<Storage['claimEvents']>[0],
  after: string,
): Promise<EventRecord[]> {
  const params = [now, leaseToken, leaseUntil, limit, after]
  const rows = await database.call<EventRow>('claim_events', params)
  return rows.map(toEventRecord)
}

/** Of a few subscribers, only those whose settings have changed are read whole. */
export async function listSubscribers(
  database: Database,
  params: Parameters<Storage['listSubscribers']>[0],
  recent: RecentEndpoints,
): Promise<EndpointRecord[]> {
  const { tenantId, position, emittedAt, after, limit } = params
  const isFirstPage = after === null
  const columns = isFirstPage ? leasedEndpointColumns : 'row_to_json(endpoint) AS endpoint'
  const rows = await database.queryNamed<LeasedEndpointRow & { endpoint: string }>(
    isFirstPage ? 'list subscribers' : 'list more subscribers',
    `SELECT ${columns} FROM ${database.schema}.endpoints AS endpoint
      WHERE tenant_id = $1 AND deleted_at IS NULL AND endpoint_id > $2
        AND active_position < $3 AND (active OR disabled_at >= $4)
      ORDER BY endpoint_id LIMIT $5`,
    [tenantId, after ?? '', position, emittedAt, limit],
  )
  if (!isFirstPage) return rows.map(({ endpoint }) => toEndpointRecord(endpoint))
  const endpoints = await leasedEndpoints(database, rows, recent)
  return endpoints.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What was not written. */
interface RefusedRow {
  refused_event: string | null
  refused_delivery: string | null
}

export async function fanOut(
  database: Database,
  { now, results, settlements = [] }: Parameters<Storage['fanOut']>[0],
): Promise<FanOutAnswer> {
  const byEvent = mergeByEvent(results)
  const deliveries = distinct(byEvent.flatMap((result) => result.deliveries))
  const [settled, others] = partBySettlement(deliveries, settlements)
  const ended = settled.map(({ settlement }) => settlement)
  const rows = await database.call<RefusedRow>('fan_out', [
    now,
    new TextList(byEvent.map(({ eventId }) => eventId)),
    new TextList(byEvent.map(({ leaseToken }) => leaseToken)),
    plainArray(byEvent.map(({ done }) => done)),
    new TextList(byEvent.filter(isChildless).map(({ eventId }) => eventId)),
    ...deliveryParams([...settled.map(asSettled), ...others]),
    instantArray(ended.map(({ completedAt }) => completedAt)),
    plainArray(ended.map(({ attempts }) => attempts)),
    plainArray(ended.map(({ step }) => step)),
    plainArray(ended.map(({ faults }) => faults)),
    plainArray(ended.map(({ responseStatus }) => responseStatus)),
    new TextList(ended.map(({ lastError }) => jsonOrNull(lastError))),
    ...attemptParams(ended),
  ])
  const refused = new Set(rows.map((row) => row.refused_event ?? row.refused_delivery))
  return {
    events: byEvent.map(({ eventId }) => eventId).filter((id) => !refused.has(id)),
    settled: ended.map(({ id }) => id).filter((id) => !refused.has(id)),
  }
}

function isChildless({ done, deliveries }: FanOutResult): boolean {
  return done && deliveries.length === 0
}

interface Settled {
  delivery: NewDelivery
  settlement: Settlement
}

/** Parts deliveries that are settled at once from those that are not. Of two settlements the first counts. */
function partBySettlement(
  deliveries: NewDelivery[],
  settlements: Settlement[],
): [settled: Settled[], others: NewDelivery[]] {
  const settlementOf = new Map(settlements.toReversed().map((given) => [given.id, given]))
  const settled: Settled[] = []
  const others: NewDelivery[] = []
  for (const delivery of deliveries) {
    const settlement = settlementOf.get(delivery.id)
    if (settlement === undefined || settlement.leaseToken !== delivery.leaseToken) {
      others.push(delivery)
    } else {
      settled.push({ delivery, settlement })
    }
  }
  return [settled, others]
}

function asSettled({ delivery, settlement }: Settled): AddedDelivery {
  const { status, cancelReason, dueAt } = settlement
  return { ...delivery, status, cancelReason, dueAt, leaseToken: null }
}

/** In the order of their ids. An event named twice counts once, with what both entries add. */
function mergeByEvent(results: FanOutResult[]): FanOutResult[] {
  const merged = new Map<string, FanOutResult>()
  for (const { eventId, leaseToken, deliveries, done } of results) {
    const known = merged.get(eventId)
    merged.set(eventId, {
      eventId,
      leaseToken,
      deliveries: [...(known?.deliveries ?? []), ...deliveries],
      done: done || (known?.done ?? false),
    })
  }
  return [...merged.values()].sort((a, b) => (a.eventId < b.eventId ? -1 : 1))
}

export async function releaseEvents(
  database: Database,
  leases: Lease[],
  notify: string | null,
): Promise<void> {
  await database.call('release_events', [...leaseParams(leases), notify])
}
