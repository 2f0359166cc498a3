import type { Statements } from './database.ts'
import { firstDueAt } from './queue.ts'
import type { StoredText } from './text.ts'

/**
 * The earliest instant at which a claim of events or deliveries can return something, leaving out
 * some endpoints; `null` if nothing waits.
 */
export function nextDueAt(statements: Statements, { exclude }: { exclude: string[] }): Date | null {
  const event = nextEventDueAt(statements)
  const delivery = nextDeliveryDueAt(statements, new Set(exclude))
  const earliest = Math.min(event, delivery)
  return earliest === never ? null : new Date(earliest)
}

const never = Number.POSITIVE_INFINITY

/** An event that nobody holds is due since ever. */
function nextEventDueAt(statements: Statements): number {
  const unleased = statements.get(
    `SELECT 1 FROM webhooks_events INDEXED BY webhooks_events_waiting
      WHERE fan_out = 'wait' AND NOT EXISTS (
        SELECT 1 FROM webhooks_event_leases AS lease
        WHERE lease.event_id = webhooks_events.event_id)
      LIMIT 1`,
  )
  if (unleased !== undefined) return 0
  const leases = ['webhooks_event_leases', 'webhooks_kept_events'].map((table) => {
    const sql = `SELECT min(due_at) AS due_at FROM ${table}`
    return statements.get<{ due_at: number | null }>(sql)?.due_at ?? never
  })
  return Math.min(...leases)
}

/**
 * Lanes looked into at most. What stands in a lane may be too early, such as the end of a lease
 * that was settled since; beyond this number it is taken as it stands.
 */
const mostLanesLookedInto = 100

/** Looks at tenants, and in each at its lanes, until none of the rest can be earlier. */
function nextDeliveryDueAt(statements: Statements, exclude: ReadonlySet<string>): number {
  const pageSize = exclude.size + 10
  let earliest = never
  let lanesLookedInto = 0
  for (const tenant of tenantsByReadiness(statements, pageSize)) {
    if (tenant.ready_at >= earliest) break
    for (const lane of lanesByReadiness(statements, tenant.tenant_id, pageSize)) {
      if (lane.ready_at >= earliest) break
      if (exclude.has(lane.endpoint_id)) continue
      lanesLookedInto += 1
      const readyAt = lanesLookedInto > mostLanesLookedInto ? lane.ready_at : look(lane)
      earliest = Math.min(earliest, readyAt)
    }
  }
  return earliest

  function look(lane: { endpoint_id: string; ready_at: number }): number {
    return Math.max(lane.ready_at, firstDueAt(statements, lane.endpoint_id) ?? never)
  }
}

interface Readiness {
  ready_at: number
}

function* tenantsByReadiness(
  statements: Statements,
  pageSize: number,
): Generator<Readiness & { tenant_id: StoredText }, undefined> {
  for (let offset = 0; ; offset += pageSize) {
    const rows = statements.all<Readiness & { tenant_id: StoredText }>(
      `SELECT tenant_id, ready_at FROM webhooks_tenants INDEXED BY webhooks_tenants_ready
        ORDER BY ready_at LIMIT +? OFFSET +?`,
      pageSize,
      offset,
    )
    yield* rows
    if (rows.length < pageSize) return undefined
  }
}

function* lanesByReadiness(
  statements: Statements,
  tenant: StoredText,
  pageSize: number,
): Generator<Readiness & { endpoint_id: string }, undefined> {
  for (let offset = 0; ; offset += pageSize) {
    const rows = statements.all<Readiness & { endpoint_id: string }>(
      `SELECT endpoint_id, ready_at FROM webhooks_lanes INDEXED BY webhooks_lanes_ready
        WHERE tenant_id = ? AND ready_at IS NOT NULL ORDER BY ready_at LIMIT +? OFFSET +?`,
      tenant,
      pageSize,
      offset,
    )
    yield* rows
    if (rows.length < pageSize) return undefined
  }
}
