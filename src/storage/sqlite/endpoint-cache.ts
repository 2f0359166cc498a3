import { RecentEndpoints } from '../recent-records.ts'
import type { EndpointRecord } from '../storage.ts'
import type { Statements } from './database.ts'
import { type EndpointRow, toDate, toEndpointRecord } from './rows.ts'

type HealthRow = [
  version: number,
  pausedUntil: number | null,
  failingSince: number | null,
  failedAttempts: number,
  deletedAt: number | null,
]

/**
 * Endpoints as the engine reads them with every claim: settings only where they have changed, and
 * what deliveries change each time. Records share what is nested in them: for the engine, which
 * changes nothing of what it reads.
 */
export class EndpointCache {
  readonly #recent = new RecentEndpoints()

  /** The endpoint as it is now; `undefined` if there is none, or it was deleted. */
  read(statements: Statements, id: string): EndpointRecord | undefined {
    const health = statements.getTuple<HealthRow>(
      `SELECT version, paused_until, failing_since, failed_attempts, deleted_at
        FROM webhooks_endpoints WHERE endpoint_id = ?`,
      id,
    )
    if (health === undefined) return undefined
    const [version, pausedUntil, failingSince, failedAttempts, deletedAt] = health
    if (deletedAt !== null) return undefined
    return {
      ...this.#settings(statements, id, version),
      pausedUntil: toDate(pausedUntil),
      failingSince: toDate(failingSince),
      failedAttempts,
    }
  }

  #settings(statements: Statements, id: string, version: number): EndpointRecord {
    const known = this.#recent.get(id, version)
    if (known !== undefined) return known
    const record = readRecord(statements, id)
    this.#recent.keep(record)
    return record
  }
}

function readRecord(statements: Statements, id: string): EndpointRecord {
  const sql = 'SELECT * FROM webhooks_endpoints WHERE endpoint_id = ?'
  return toEndpointRecord(statements.get<EndpointRow>(sql, id) as EndpointRow)
}
