import type { RecentEndpoints } from '../recent-records.ts'
import type {
  EndpointRecord,
  EventRecord,
  FanOutAnswer,
  FanOutResult,
  Lease,
  Storage,
} from '../storage.ts'
import type { Database } from './database.ts'
import { deliveryParams } from './deliveries.ts'
import { type LeasedEndpointRow, leasedEndpoints } from './leased-endpoints.ts'
import { type EventRow, toEndpointRecord, toEventRecord } from './rows.ts'
import { plainArray, textArray } from './values.ts'

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

export async function listSubscribers(
  database: Database,
  params: Parameters<Storage['listSubscribers']>[0],
): Promise<EndpointRecord[]> {
  const { tenantId, position, emittedAt, after, limit } = params
  const rows = await database.query<{ endpoint: string }>(
    `SELECT row_to_json(endpoint) AS endpoint FROM ${database.schema}.endpoints AS endpoint
      WHERE tenant_id = $1 AND deleted_at IS NULL AND endpoint_id > $2
        AND active_position < $3 AND (active OR disabled_at >= $4)
      ORDER BY endpoint_id LIMIT $5`,
    [tenantId, after ?? '', position, emittedAt, limit],
  )
  return rows.map(({ endpoint }) => toEndpointRecord(endpoint))
}

/** Of an event that was accepted, or of a delivery that was leased. */
interface FanOutRow extends LeasedEndpointRow {
  accepted: string | null
  leased: string | null
}

export async function fanOut(
  database: Database,
  { now, leaseToken, results }: Parameters<Storage['fanOut']>[0],
  recent: RecentEndpoints,
): Promise<FanOutAnswer> {
  const byEvent = mergeByEvent(results)
  const rows = await database.call<FanOutRow>('fan_out', [
    now,
    leaseToken,
    textArray(byEvent.map(({ eventId }) => eventId)),
    plainArray(byEvent.map(({ done }) => done)),
    ...deliveryParams(byEvent.flatMap(({ deliveries }) => deliveries)),
  ])
  const present = rows.filter((row) => row.endpoint_version !== null)
  const endpoints = new Map(present.map((row) => [row.endpoint_id, row]))
  return {
    events: rows.flatMap((row) => row.accepted ?? []),
    leased: rows.flatMap((row) => row.leased ?? []),
    endpoints: await leasedEndpoints(database, [...endpoints.values()], recent),
  }
}

/** An event named twice counts once, with what both entries add. */
function mergeByEvent(results: FanOutResult[]): FanOutResult[] {
  const merged = new Map<string, FanOutResult>()
  for (const { eventId, deliveries, done } of results) {
    const known = merged.get(eventId)
    merged.set(eventId, {
      eventId,
      deliveries: [...(known?.deliveries ?? []), ...deliveries],
      done: done || (known?.done ?? false),
    })
  }
  return [...merged.values()]
}

export async function releaseEvents(database: Database, leases: Lease[]): Promise<void> {
  await database.query(
    `UPDATE ${database.schema}.fan_out_queue AS waiting SET due_at = NULL, lease_token = NULL
      FROM unnest($1::text[], $2::text[]) AS given (event_id, token)
      WHERE waiting.event_id = given.event_id AND waiting.lease_token = given.token`,
    [textArray(leases.map(({ id }) => id)), textArray(leases.map((lease) => lease.leaseToken))],
  )
}
