import type { DeliveryStatus } from '../../model.ts'
import type { StatsRecord, Storage } from '../storage.ts'
import type { Statements, Value } from './database.ts'
import { keptIds } from './kept-events.ts'
import { toDate } from './rows.ts'
import { storeText } from './text.ts'

/**
 * All figures are exact and are read from indexes alone: what was created or attempted from
 * `since` on and before `until`, and besides that only what is pending, failed or cancelled.
 */
export function readStats(
  statements: Statements,
  { tenantId, endpointId, since, until }: Parameters<Storage['stats']>[0],
): StatsRecord {
  const values = {
    tenant: storeText(tenantId),
    since: since.getTime(),
    until: until?.getTime() ?? Number.MAX_SAFE_INTEGER,
    ...(endpointId === undefined ? {} : { endpoint: endpointId }),
  }
  const scope = new Scope(statements, values, endpointId !== undefined)
  const pending = scope.count('pending')
  const failed = scope.count('failed').sinceThen
  const cancelled = scope.count('cancelled').sinceThen
  const succeeded = scope.created() - pending.sinceThen - failed - cancelled
  const durations = scope.attempts()
  return {
    deliveries: { pending: pending.sinceThen, succeeded, failed, cancelled },
    attempts: {
      succeeded: sum(durations.filter((group) => group.succeeded === 1)),
      failed: sum(durations.filter((group) => group.succeeded === 0)),
    },
    durationMs: percentiles(durations.filter((group) => group.succeeded === 1)),
    backlog: pending.total + (endpointId === undefined ? scope.waitingEvents() : 0),
    oldestPendingAt: toDate(pending.oldest),
  }
}

interface StatusCount {
  total: number
  sinceThen: number
  oldest: number | null
}

/** Attempts of one outcome that took the same time. */
interface DurationGroup {
  succeeded: number
  duration_ms: number
  count: number
}

/** A tenant, or one endpoint of it, since an instant. */
class Scope {
  readonly #statements: Statements
  readonly #values: Record<string, Value>
  /** Follows `tenant_id = :tenant`. */
  readonly #ofEndpoint: string

  constructor(statements: Statements, values: Record<string, Value>, isEndpoint: boolean) {
    this.#statements = statements
    this.#values = values
    this.#ofEndpoint = isEndpoint ? 'AND endpoint_id = :endpoint' : ''
  }

  count(status: DeliveryStatus): StatusCount {
    const row = this.#statements.get<StatusCount>(
      `SELECT count(*) AS total, total(created_at >= :since AND created_at < :until) AS sinceThen,
          min(created_at) AS oldest
        FROM webhooks_deliveries INDEXED BY webhooks_deliveries_by_status
        WHERE tenant_id = :tenant ${this.#ofEndpoint} AND status = '${status}'`,
      this.#values,
    )
    return row ?? { total: 0, sinceThen: 0, oldest: null }
  }

  /** Deliveries of whatever status. */
  created(): number {
    const row = this.#statements.get<{ count: number }>(
      `SELECT count(*) AS count FROM webhooks_deliveries INDEXED BY webhooks_deliveries_created
        WHERE tenant_id = :tenant AND created_at >= :since AND created_at < :until ${this.#ofEndpoint}`,
      this.#values,
    )
    return row?.count ?? 0
  }

  /** At most one group per outcome and millisecond of the timeout, however many attempts. */
  attempts(): DurationGroup[] {
    return this.#statements.all<DurationGroup>(
      `SELECT succeeded, duration_ms, count(*) AS count
        FROM webhooks_attempts INDEXED BY webhooks_attempts_started
        WHERE tenant_id = :tenant AND started_at >= :since AND started_at < :until ${this.#ofEndpoint}
        GROUP BY succeeded, duration_ms ORDER BY duration_ms`,
      this.#values,
    )
  }

  waitingEvents(): number {
    const row = this.#statements.get<{ count: number }>(
      `SELECT (
          SELECT count(*) FROM webhooks_events INDEXED BY webhooks_events_waiting
            WHERE fan_out = 'wait' AND tenant_id = :tenant
        ) + (
          SELECT count(*) FROM webhooks_events
            WHERE event_id IN (${keptIds}) AND tenant_id = :tenant
        ) AS count`,
      { tenant: this.#values.tenant ?? null },
    )
    return row?.count ?? 0
  }
}

function sum(groups: DurationGroup[]): number {
  return groups.reduce((total, group) => total + group.count, 0)
}

/** By nearest rank: the smallest duration that at least this share of the attempts did not exceed. */
function percentiles(groups: DurationGroup[]): StatsRecord['durationMs'] {
  const total = sum(groups)
  const percentile = (percent: number): number | null => {
    let seen = 0
    for (const group of groups) {
      seen += group.count
      if (seen * 100 >= total * percent) return group.duration_ms
    }
    return null
  }
  return { p50: percentile(50), p95: percentile(95), p99: percentile(99) }
}
