/**
 * Whose turn it is. A lane is what waits for one endpoint; a tenant has a row as long as one of its
 * lanes has something pending. Both either stand in a queue, by `turn`, or wait for an instant.
 *
 * In the queue (`ready_at` 0) stands who may have something due. Each serving draws a new turn,
 * which is behind all that were drawn before, so that a backlog of any size is served in turn with
 * the others; and adding to it costs no write here.
 *
 * Who waits does so until `ready_at`, a lower bound of the instant at which a claim can find
 * something there. A claim admits to the queue those whose instant has come, and puts in their
 * right place those in whom it looked in vain: in wait for the next due time, the end of a pause or
 * the next token.
 */
import type { Statements } from './database.ts'
import { type StoredText, storeText } from './text.ts'

/** The `ready_at` of those who stand in the queue. */
export const queued = 0

interface Wake {
  tenantId: string
  readyAt: number
}

/** Gathers what a write makes due, so that each lane is looked at once. */
export class Wakes {
  readonly #byEndpoint = new Map<string, Wake>()

  /** @param now - What is due by then joins the queue at once; `null`: the next claim admits it. */
  add(endpointId: string, tenantId: string, dueAt: Date, now: Date | null): void {
    const readyAt = now !== null && dueAt <= now ? queued : dueAt.getTime()
    const known = this.#byEndpoint.get(endpointId)
    if (known === undefined) this.#byEndpoint.set(endpointId, { tenantId, readyAt })
    else if (readyAt < known.readyAt) known.readyAt = readyAt
  }

  write(statements: Statements): void {
    for (const [endpointId, { tenantId, readyAt }] of this.#byEndpoint) {
      wakeLane(statements, endpointId, storeText(tenantId), readyAt)
    }
  }
}

function wakeLane(
  statements: Statements,
  endpointId: string,
  tenant: StoredText,
  readyAt: number,
): void {
  const lowered = statements.run(
    `INSERT INTO webhooks_lanes (endpoint_id, tenant_id, ready_at, turn)
      VALUES (?, ?, ?, ${lastTurn})
      ON CONFLICT (endpoint_id) DO UPDATE SET ready_at = excluded.ready_at, turn = excluded.turn
        WHERE ready_at IS NULL OR ready_at > excluded.ready_at`,
    endpointId,
    tenant,
    readyAt,
  )
  if (lowered > 0) wakeTenant(statements, tenant, readyAt)
}

function wakeTenant(statements: Statements, tenant: StoredText, readyAt: number): void {
  statements.run(
    `INSERT INTO webhooks_tenants (tenant_id, ready_at, turn) VALUES (?, ?, ${lastTurn})
      ON CONFLICT (tenant_id) DO UPDATE SET ready_at = excluded.ready_at, turn = excluded.turn
        WHERE ready_at > excluded.ready_at`,
    tenant,
    readyAt,
  )
}

/** Lets the next claim look at an endpoint whose pause or rate limit was lifted or changed. */
export function reconsiderLane(statements: Statements, endpointId: string, tenantId: string): void {
  const lowered = statements.run(
    `UPDATE webhooks_lanes SET ready_at = ${queued}, turn = ${lastTurn}
      WHERE endpoint_id = ? AND ready_at > ${queued}`,
    endpointId,
  )
  if (lowered > 0) wakeTenant(statements, storeText(tenantId), queued)
}

/** Who joins the queue stands behind those who had their turn already. */
const lastTurn = "(SELECT value FROM webhooks_state WHERE name = 'turn')"

/** Draws turns: each is later than all that were drawn before. */
export class Turns {
  readonly #statements: Statements
  readonly #first: number
  #last: number

  constructor(statements: Statements) {
    this.#statements = statements
    this.#first = statements.get<{ value: number }>(`SELECT ${lastTurn} AS value`)?.value ?? 0
    this.#last = this.#first
  }

  next(): number {
    this.#last += 1
    return this.#last
  }

  write(): void {
    if (this.#last === this.#first) return
    this.#statements.run("UPDATE webhooks_state SET value = ? WHERE name = 'turn'", this.#last)
  }
}
