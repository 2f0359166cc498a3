import type { DeliveryStatus } from '../../model.ts'
import type { StatsRecord, Storage } from '../storage.ts'
import type { Database, Statements, Value } from './database.ts'
import { keptIds } from './kept-events.ts'
import { toDate } from './rows.ts'
import { type StoredText, storeText } from './text.ts'

/** Attempts read at once: there are millions in a busy day, and the event loop waits for each read. */
const attemptsPerRead = 20_000

/**
 * All figures are exact and are read from indexes alone: what was created or attempted from
 * `since` on and before `until`, and besides that only what is pending, failed or cancelled.
 */
export async function readStats(
  database: Database,
  { tenantId, endpointId, since, until }: Parameters<Storage['stats']>[0],
): Promise<StatsRecord> {
  const values = {
    tenant: storeText(tenantId),
    since: since.getTime(),
    until: until?.getTime() ?? Number.MAX_SAFE_INTEGER,
    ...(endpointId === undefined ? {} : { endpoint: endpointId }),
  }
  const isEndpoint = endpointId !== undefined
  const deliveries = await database.read((statements) =>
    readDeliveries(new Scope(statements, values, isEndpoint), isEndpoint),
  )
  const succeeded: Durations = new Map()
  const failed: Durations = new Map()
  for (let from: number | null = values.since; from !== null; ) {
    const part: Values = { ...values, since: from }
    from = await database.read((statements) => {
      const scope = new Scope(statements, part, isEndpoint)
      const next = scope.startOfNext(attemptsPerRead)
      for (const group of scope.attempts(next))
        add(group.succeeded === 1 ? succeeded : failed, group)
      return next
    })
  }
  return {
    ...deliveries,
    attempts: { succeeded: sum(succeeded), failed: sum(failed) },
    durationMs: percentiles(succeeded),
  }
}

/** How many attempts took so many milliseconds. */
type Durations = Map<number, number>

function add(durations: Durations, { duration_ms, count }: DurationGroup): void {
  durations.set(duration_ms, (durations.get(duration_ms) ?? 0) + count)
}

function readDeliveries(
  scope: Scope,
  isEndpoint: boolean,
): Pick<StatsRecord, 'deliveries' | 'backlog' | 'oldestPendingAt'> {
  const pending = scope.count('pending')
  const failed = scope.count('failed').sinceThen
  const cancelled = scope.count('cancelled').sinceThen
  const succeeded = scope.created() - pending.sinceThen - failed - cancelled
  return {
    deliveries: { pending: pending.sinceThen, succeeded, failed, cancelled },
    backlog: pending.total + (isEndpoint ? 0 : scope.waitingEvents()),
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

/** What the statements name. */
interface Values extends Record<string, Value> {
  tenant: StoredText
  since: number
  until: number
}

/** A tenant, or one endpoint of it, in a span of time. */
class Scope {
  readonly #statements: Statements
  readonly #values: Values
  /** Follows `tenant_id = :tenant`. */
  readonly #ofEndpoint: string

  constructor(statements: Statements, values: Values, isEndpoint: boolean) {
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

  /** When the attempt started, of whatever endpoint, before which there are so many; `null` if none. */
  startOfNext(count: number): number | null {
    const { tenant, since, until } = this.#values
    const row = this.#statements.get<{ started_at: number }>(
      `SELECT started_at FROM webhooks_attempts INDEXED BY webhooks_attempts_started
        WHERE tenant_id = :tenant AND started_at >= :since AND started_at < :until
        ORDER BY started_at LIMIT 1 OFFSET +:count`,
      { tenant, since, until, count },
    )
    if (row === undefined) return null
    // Where so many started in one millisecond, all of it is one part.
    const next = Math.max(row.started_at, since + 1)
    return next < until ? next : null
  }

  /**
   * At most one group per outcome and millisecond of the timeout, however many attempts.
   *
   * @param end - Before which they started; `null` for the end of the span.
   */
  attempts(end: number | null): DurationGroup[] {
    return this.#statements.all<DurationGroup>(
      `SELECT succeeded, duration_ms, count(*) AS count
        FROM webhooks_attempts INDEXED BY webhooks_attempts_started
        WHERE tenant_id = :tenant AND started_at >= :since AND started_at < :until ${this.#ofEndpoint}
        GROUP BY succeeded, duration_ms`,
      end === null ? this.#values : { ...this.#values, until: end },
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
      { tenant: this.#values.tenant },
    )
    return row?.count ?? 0
  }
}

function sum(durations: Durations): number {
  return [...durations.values()].reduce((total, count) => total + count, 0)
}

/** By nearest rank: the smallest duration that at least this share of the attempts did not exceed. */
function percentiles(durations: Durations): StatsRecord['durationMs'] {
  const total = sum(durations)
  const sorted = [...durations].sort(([a], [b]) => a - b)
  const percentile = (percent: number): number | null => {
    let seen = 0
    for (const [durationMs, count] of sorted) {
      seen += count
      if (seen * 100 >= total * percent) return durationMs
    }
    return null
  }
  return { p50: percentile(50), p95: percentile(95), p99: percentile(99) }
}
