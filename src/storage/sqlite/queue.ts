import type { RateLimit } from '../../model.ts'
import type { Statements } from './database.ts'
import { queued, type Turns } from './lanes.ts'
import type { StoredText } from './text.ts'
import { TokenBucket } from './token-bucket.ts'

/** Where a walk along the queue has got to. */
interface Place {
  turn: number
  id: StoredText
}

const start: Place = { turn: -1, id: '' }

/**
 * Tenants that may have something due, in turn, a page at a time. Those whose instant has come are
 * admitted first, and again when the queue is at its end.
 */
export function* tenantsInTurn(
  statements: Statements,
  { now, pageSize, turns }: { now: number; pageSize: number; turns: Turns },
): Generator<{ id: StoredText; pageLength: number }, undefined> {
  let admitted = admitTenants(statements, now, pageSize, turns)
  for (let place = start; ; ) {
    const rows: Place[] = statements.all(
      `SELECT tenant_id AS id, turn FROM webhooks_tenants INDEXED BY webhooks_tenants_ready
        WHERE ready_at = ${queued} AND (turn, tenant_id) > (:turn, :id)
        ORDER BY turn, tenant_id LIMIT +:pageSize`,
      { turn: place.turn, id: place.id, pageSize },
    )
    for (const row of rows) yield { id: row.id, pageLength: rows.length }
    place = rows.at(-1) ?? place
    if (rows.length === pageSize) continue
    if (admitted < pageSize) return undefined
    admitted = admitTenants(statements, now, pageSize, turns)
  }
}

function admitTenants(statements: Statements, now: number, limit: number, turns: Turns): number {
  const rows = statements.all<{ tenant_id: StoredText }>(
    `SELECT tenant_id FROM webhooks_tenants INDEXED BY webhooks_tenants_ready
      WHERE ready_at > ${queued} AND ready_at <= ? ORDER BY ready_at LIMIT +?`,
    now,
    limit,
  )
  const sql = `UPDATE webhooks_tenants SET ready_at = ${queued}, turn = ? WHERE tenant_id = ?`
  for (const { tenant_id } of rows) statements.run(sql, turns.next(), tenant_id)
  return rows.length
}

/** A lane, with what its endpoint says about how much may be claimed. */
export interface QueuedLane {
  endpointId: string
  /** `null` without a rate limit. */
  bucket: TokenBucket | null
  /** No delivery before this instant: the end of a pause, or of a probe. 0 without either. */
  heldUntil: number
  /** Whether it is active, and its failed attempts in a row. */
  active: boolean
  failedAttempts: number
}

interface LaneRow extends Place {
  id: string
  tokens_owed: number
  tokens_as_of: number
  held_until: number
  active: number
  failed_attempts: number
  rate_limit: string | null
}

/** Lanes of a tenant that may have something due, in turn, as {@link tenantsInTurn}. */
export function* lanesInTurn(
  statements: Statements,
  {
    tenant,
    now,
    pageSize,
    turns,
  }: { tenant: StoredText; now: number; pageSize: number; turns: Turns },
): Generator<{ lane: QueuedLane; pageLength: number }, undefined> {
  let admitted = admitLanes(statements, tenant, now, pageSize, turns)
  for (let place = start; ; ) {
    const rows: LaneRow[] = statements.all(
      `SELECT lane.endpoint_id AS id, turn, tokens_owed, tokens_as_of, rate_limit,
          max(coalesce(paused_until, 0), probe_until) AS held_until,
          coalesce(active AND deleted_at IS NULL, 0) AS active,
          coalesce(failed_attempts, 0) AS failed_attempts
        FROM webhooks_lanes AS lane INDEXED BY webhooks_lanes_ready
          LEFT JOIN webhooks_endpoints AS endpoint ON endpoint.endpoint_id = lane.endpoint_id
        WHERE lane.tenant_id = :tenant AND ready_at = ${queued}
          AND (turn, lane.endpoint_id) > (:turn, :id)
        ORDER BY turn, lane.endpoint_id LIMIT +:pageSize`,
      { tenant, turn: place.turn, id: place.id, pageSize },
    )
    for (const row of rows) yield { lane: toLane(row), pageLength: rows.length }
    place = rows.at(-1) ?? place
    if (rows.length === pageSize) continue
    if (admitted < pageSize) return undefined
    admitted = admitLanes(statements, tenant, now, pageSize, turns)
  }
}

function admitLanes(
  statements: Statements,
  tenant: StoredText,
  now: number,
  limit: number,
  turns: Turns,
): number {
  const rows = statements.all<{ endpoint_id: string }>(
    `SELECT endpoint_id FROM webhooks_lanes INDEXED BY webhooks_lanes_ready
      WHERE tenant_id = ? AND ready_at > ${queued} AND ready_at <= ? ORDER BY ready_at LIMIT +?`,
    tenant,
    now,
    limit,
  )
  const sql = `UPDATE webhooks_lanes SET ready_at = ${queued}, turn = ? WHERE endpoint_id = ?`
  for (const { endpoint_id } of rows) statements.run(sql, turns.next(), endpoint_id)
  return rows.length
}

function toLane(row: LaneRow): QueuedLane {
  const state = { tokensOwed: row.tokens_owed, tokensAsOf: row.tokens_as_of }
  const rate = row.rate_limit === null ? null : (JSON.parse(row.rate_limit) as RateLimit)
  return {
    endpointId: row.id,
    bucket: rate === null ? null : new TokenBucket(rate, state),
    heldUntil: row.held_until,
    active: row.active !== 0,
    failedAttempts: row.failed_attempts,
  }
}

/**
 * When the first pending delivery of an endpoint is due, or its lease ends; `null` without one.
 * Looks at those that workers hold, and at the first that none does.
 */
export function firstDueAt(statements: Statements, endpointId: string): number | null {
  const free = statements.get<{ due_at: number }>(
    `SELECT due_at FROM ${pending} WHERE endpoint_id = ? AND due_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM webhooks_delivery_leases AS lease
        WHERE lease.delivery_id = webhooks_deliveries.delivery_id AND lease.due_at > 0)
      ORDER BY due_at LIMIT 1`,
    endpointId,
  )
  const held = statements.get<{ due_at: number | null }>(
    `SELECT min(lease.due_at) AS due_at FROM ${pending} CROSS JOIN webhooks_delivery_leases AS lease
        ON lease.delivery_id = webhooks_deliveries.delivery_id AND lease.due_at > 0
      WHERE endpoint_id = ? AND webhooks_deliveries.due_at < ?`,
    endpointId,
    free?.due_at ?? Number.MAX_SAFE_INTEGER,
  )
  if (free === undefined) return held?.due_at ?? null
  return Math.min(free.due_at, held?.due_at ?? free.due_at)
}

const pending = 'webhooks_deliveries INDEXED BY webhooks_deliveries_pending'
