import type { RecentEndpoints } from '../recent-records.ts'
import type { EndpointRecord } from '../storage.ts'
import type { Database } from './database.ts'
import { dateOrNull, toEndpointRecord } from './rows.ts'
import { textArray } from './values.ts'

/** An endpoint as it is found often: what deliveries change, and which settings it has. */
export interface LeasedEndpointRow {
  endpoint_id: string
  /** `null`: it was deleted. */
  endpoint_version: string | null
  paused_until: string | null
  failing_since: string | null
  failed_attempts: string
}

/** The columns of such a row, of an `endpoint` that is there. */
export const leasedEndpointColumns = `endpoint.endpoint_id, endpoint.version AS endpoint_version,
  endpoint.paused_until, endpoint.failing_since, endpoint.failed_attempts`

/** The endpoints of what was leased, one row for each; those whose settings have changed are read. */
export async function leasedEndpoints(
  database: Database,
  rows: LeasedEndpointRow[],
  recent: RecentEndpoints,
): Promise<EndpointRecord[]> {
  const known: EndpointRecord[] = []
  const changed: string[] = []
  for (const row of rows) {
    const settings = recent.get(row.endpoint_id, Number(row.endpoint_version))
    if (settings === undefined) changed.push(row.endpoint_id)
    else known.push({ ...settings, ...toHealth(row) })
  }
  if (changed.length === 0) return known
  const params = [textArray(changed)]
  const found = await database.call<{ claimed_endpoints: string }>('claimed_endpoints', params)
  const read = found.map((row) => toEndpointRecord(row.claimed_endpoints))
  for (const endpoint of read) recent.keep(endpoint)
  return [...known, ...read]
}

function toHealth(
  row: LeasedEndpointRow,
): Pick<EndpointRecord, 'pausedUntil' | 'failingSince' | 'failedAttempts'> {
  return {
    pausedUntil: dateOrNull(row.paused_until),
    failingSince: dateOrNull(row.failing_since),
    failedAttempts: Number(row.failed_attempts),
  }
}
