import { RecentEndpoints, RecentEvents } from '../recent-records.ts'
import type { ClaimedDeliveries, DeliveryRecord, EventRecord, Storage } from '../storage.ts'
import type { Database } from './database.ts'
import { type LeasedEndpointRow, leasedEndpoints } from './leased-endpoints.ts'
import { type DeliveryRow, type EventRow, toDeliveryRecord, toEventRecord } from './rows.ts'
import { textArray } from './values.ts'

type ClaimParams = Parameters<Storage['claimDeliveries']>[0]

/** What need not be read again. */
export class Recent {
  readonly events = new RecentEvents()
  readonly endpoints = new RecentEndpoints()
}

/** What deliveries change of an endpoint is there in the first row that names it. */
interface ClaimRow extends DeliveryRow, LeasedEndpointRow {
  contended: string
}

/**
 * How often a claim comes back for lanes that others had in their hands. Each time it waits for one
 * of them to be free, which takes as long as the other's claim.
 */
const mostReturns = 8

/** @param after - The tenant that was served last. */
export async function claimDeliveries(
  database: Database,
  params: ClaimParams,
  { after, recent }: { after: string; recent: Recent },
): Promise<ClaimedDeliveries> {
  const { leaseUntil, leaseToken } = params
  const deliveries: DeliveryRecord[] = []
  const endpoints = new Map<string, ClaimRow>()
  for (let returns = 0; returns <= mostReturns; returns += 1) {
    const rows = await claimOnce(database, params, {
      claimed: deliveries,
      after: deliveries.at(-1)?.tenantId ?? after,
      wait: returns > 0,
    })
    for (const row of rows) {
      // Of nothing, the one row says only whether others were in the way.
      if (row.delivery_id === null) break
      deliveries.push(toDeliveryRecord(row, { dueAt: leaseUntil, leaseToken }))
      if (row.endpoint_version !== null) endpoints.set(row.endpoint_id, row)
    }
    const isContended = rows[0]?.contended === 't'
    if (!isContended || deliveries.length >= params.limit) break
  }
  const eventIds = new Set(deliveries.map((delivery) => delivery.eventId))
  const [events, endpointRecords] = await Promise.all([
    eventsOf(database, [...eventIds], recent.events),
    leasedEndpoints(database, [...endpoints.values()], recent.endpoints),
  ])
  return { deliveries, events, endpoints: endpointRecords }
}

async function claimOnce(
  database: Database,
  { now, leaseToken, leaseUntil, limit, perEndpoint, inFlight, probeFrom }: ClaimParams,
  { claimed, after, wait }: { claimed: DeliveryRecord[]; after: string; wait: boolean },
): Promise<ClaimRow[]> {
  const counts: Record<string, number> = Object.fromEntries(inFlight)
  for (const { endpointId } of claimed) counts[endpointId] = (counts[endpointId] ?? 0) + 1
  return database.call<ClaimRow>('claim_deliveries', [
    now,
    leaseToken,
    leaseUntil,
    limit - claimed.length,
    perEndpoint,
    JSON.stringify(counts),
    probeFrom,
    after,
    wait,
  ])
}

/** Events that were fanned out elsewhere, or long ago, are read. */
async function eventsOf(
  database: Database,
  ids: string[],
  recent: RecentEvents,
): Promise<EventRecord[]> {
  const known = ids.flatMap((id) => recent.get(id) ?? [])
  if (known.length === ids.length) return known
  const missing = ids.filter((id) => recent.get(id) === undefined)
  const rows = await database.call<EventRow>('claimed_events', [textArray(missing)])
  const read = rows.map(toEventRecord)
  for (const event of read) recent.keep(event)
  return [...known, ...read]
}
