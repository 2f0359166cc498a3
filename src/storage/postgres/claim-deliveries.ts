import type { ClaimedDeliveries, Storage } from '../storage.ts'
import type { Database } from './database.ts'
import { type DeliveryRow, toDeliveryRecord, toEndpointRecord, toEventRecord } from './rows.ts'

type ClaimParams = Parameters<Storage['claimDeliveries']>[0]

/** Columns of the event and the endpoint are there in the first row that names them. */
interface ClaimRow extends DeliveryRow {
  contended: string
  event_position: string | null
  channels: string
  idempotency_key: string | null
  traceparent: string | null
  body: string
  event_created_at: string
  endpoint: string | null
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
  after: string,
): Promise<ClaimedDeliveries> {
  const claimed: ClaimedDeliveries = { deliveries: [], events: [], endpoints: [] }
  for (let returns = 0; returns <= mostReturns; returns += 1) {
    const rows = await claimOnce(database, params, {
      claimed,
      after: claimed.deliveries.at(-1)?.tenantId ?? after,
      wait: returns > 0,
    })
    addTo(claimed, rows, params)
    const isContended = rows[0]?.contended === 't'
    if (!isContended || claimed.deliveries.length >= params.limit) break
  }
  return claimed
}

async function claimOnce(
  database: Database,
  { now, leaseToken, leaseUntil, limit, perEndpoint, inFlight, probeFrom }: ClaimParams,
  { claimed, after, wait }: { claimed: ClaimedDeliveries; after: string; wait: boolean },
): Promise<ClaimRow[]> {
  const counts: Record<string, number> = Object.fromEntries(inFlight)
  for (const { endpointId } of claimed.deliveries) {
    counts[endpointId] = (counts[endpointId] ?? 0) + 1
  }
  return database.call<ClaimRow>('claim_deliveries', [
    now,
    leaseToken,
    leaseUntil,
    limit - claimed.deliveries.length,
    perEndpoint,
    JSON.stringify(counts),
    probeFrom,
    after,
    wait,
  ])
}

function addTo(
  claimed: ClaimedDeliveries,
  rows: ClaimRow[],
  { leaseToken, leaseUntil }: ClaimParams,
): void {
  for (const row of rows) {
    // Of nothing, the one row says only whether others were in the way.
    if (row.delivery_id === null) return
    claimed.deliveries.push(toDeliveryRecord(row, { dueAt: leaseUntil, leaseToken }))
    if (row.event_position !== null && isNew(claimed.events, row.event_id)) {
      const { event_position } = row
      const type = row.event_type
      claimed.events.push(
        toEventRecord({ ...row, event_position, type, created_at: row.event_created_at }),
      )
    }
    if (row.endpoint !== null && isNew(claimed.endpoints, row.endpoint_id)) {
      claimed.endpoints.push(toEndpointRecord(row.endpoint))
    }
  }
}

function isNew(records: { id: string }[], id: string): boolean {
  return records.every((record) => record.id !== id)
}
