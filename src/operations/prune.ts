import type { Context } from '../core/context.ts'
import { checkOptions } from '../option-names.ts'
import { requireInstant } from './filters.ts'

/** What `prune` takes. */
export interface PruneOptions {
  /** What ended before this instant goes, over all tenants. */
  before: Date
}

/** How much `prune` deleted. */
export interface PruneResult {
  /** Deliveries, each with its attempts. */
  deliveries: number
  events: number
}

/** Rows deleted in one write, so that deliveries under way never wait long behind it. */
const rowsPerWrite = 1_000

/**
 * Deletes final deliveries with their attempts, events that nothing refers to any more, and
 * deleted endpoints without a log. With an event goes its idempotency key.
 *
 * @throws WebhooksError `invalid_option`
 */
export async function prune({ storage }: Context, options: PruneOptions): Promise<PruneResult> {
  const before = requireInstant('before', checkOptions('prune', options, ['before']).before)
  const deleted: PruneResult = { deliveries: 0, events: 0 }
  for (;;) {
    const { deliveries, events } = await storage.prune({ before, limit: rowsPerWrite })
    deleted.deliveries += deliveries
    deleted.events += events
    if (deliveries + events < rowsPerWrite) return deleted
  }
}
