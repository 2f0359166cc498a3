import type { Context } from '../core/context.ts'
import { WebhooksError } from '../errors.ts'
import type { DeliveryStatus } from '../model.ts'
import { checkText, requireInstant } from './filters.ts'
import type { TenantOf, TenantOptions } from './tenant.ts'

/** What `stats` takes. */
export interface StatsOptions extends TenantOptions {
  /** One endpoint alone. Default all of the tenant. */
  endpointId?: string | undefined
  /** From this instant on. Default 24 hours ago. */
  since?: Date | undefined
  /** Before this instant. Default now. */
  until?: Date | undefined
}

/** How delivering goes. */
export interface Stats {
  since: Date
  until: Date
  /** Deliveries created in this time, by status. */
  deliveries: Record<DeliveryStatus, number>
  /** Attempts started in this time. */
  attempts: { succeeded: number; failed: number }
  /** Share of attempts that succeeded, 0 to 1; `null` where there was none. */
  successRate: number | null
  /** How long succeeded attempts took, in milliseconds; `null` where there was none. */
  durationMs: { p50: number | null; p95: number | null; p99: number | null }
  /** Deliveries that wait, of whatever age; for a whole tenant also events before their fan-out. */
  backlog: number
  /** Age of the oldest pending delivery in milliseconds; `null` if nothing waits. */
  oldestPendingAgeMs: number | null
}

const day = 24 * 3_600_000

/** Reads the figures of a tenant or an endpoint. @throws WebhooksError `invalid_option` */
export type ReadStats = (options?: StatsOptions) => Promise<Stats>

/** Builds {@link ReadStats} over an instance, for the tenants that `tenantOf` lets through. */
export function createStats({ clock, storage }: Context, tenantOf: TenantOf): ReadStats {
  return async (options = {}) => {
    const tenantId = tenantOf('stats', options, ['endpointId', 'since', 'until'])
    const now = clock.now()
    const since = requireInstant('since', options.since ?? new Date(now.getTime() - day))
    const until = requireInstant('until', options.until ?? now)
    if (options.until !== undefined && since > until) {
      throw new WebhooksError('invalid_option', 'since must be before until')
    }
    const record = await storage.stats({
      tenantId,
      endpointId: checkText('endpointId', options.endpointId),
      since,
      until: options.until,
    })
    const { oldestPendingAt, ...figures } = record
    const attempts = figures.attempts.succeeded + figures.attempts.failed
    return {
      since,
      until,
      ...figures,
      successRate: attempts === 0 ? null : figures.attempts.succeeded / attempts,
      oldestPendingAgeMs: oldestPendingAt && Math.max(0, now.getTime() - oldestPendingAt.getTime()),
    }
  }
}
