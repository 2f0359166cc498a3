import type { EndpointRecord } from '../storage.ts'
import type { Statements } from './database.ts'
import { type EndpointRow, toDate, toEndpointRecord } from './rows.ts'

/** Endpoints kept at most; beyond it, the one not used for longest goes. */
const capacity = 1_000

type HealthRow = [
  version: number,
  pausedUntil: number | null,
  failingSince: number | null,
  failedAttempts: number,
  deletedAt: number | null,
]

/**
 * Settings of endpoints, as the engine reads them with every claim: parsing their JSON again would
 * cost more than the rest of the claim. What is kept is used only while the row has its `version`;
 * what deliveries change is read each time. Records share what is nested in them: for the engine,
 * which changes nothing of what it reads.
 */
export class EndpointCache {
  readonly #records = new Map<string, EndpointRecord>()

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
    const known = this.#records.get(id)
    this.#records.delete(id)
    const record = known?.version === version ? known : readRecord(statements, id)
    this.#records.set(id, record)
    if (this.#records.size > capacity) {
      for (const oldest of this.#records.keys()) {
        this.#records.delete(oldest)
        break
      }
    }
    return record
  }
}

function readRecord(statements: Statements, id: string): EndpointRecord {
  const sql = 'SELECT * FROM webhooks_endpoints WHERE endpoint_id = ?'
  return toEndpointRecord(statements.get<EndpointRow>(sql, id) as EndpointRow)
}
