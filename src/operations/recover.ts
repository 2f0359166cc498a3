import type { Context } from '../core/context.ts'
import { testEventName } from '../core/events/event-name.ts'
import { matchRules } from '../core/matching/matching.ts'
import { lazyDataOf } from '../core/worker/fan-out.ts'
import { WebhooksError } from '../errors.ts'
import type {
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  NewDelivery,
} from '../storage/storage.ts'
import { requireInstant } from './filters.ts'
import type { TenantOf, TenantOptions } from './tenant.ts'

/** What `recover` takes. */
export interface RecoverOptions extends TenantOptions {
  endpointId: string
  /** From this instant on. */
  since: Date
  /** Before this instant. Default now. */
  until?: Date | undefined
  /**
   * `failed`: deliveries that failed or were cancelled. `missing`: events that the endpoint's
   * subscription covers and that have no delivery to it, because it was off or did not exist yet.
   * `all`: both. What succeeded is not sent again, unless its record was pruned: reach no further
   * back than your retention. Default `failed`.
   */
  only?: 'failed' | 'missing' | 'all' | undefined
  /** Counts and sends nothing. Default false. */
  dryRun?: boolean | undefined
  /** Is told of what was queued so far, after each page of at most 500. Default: nobody is. */
  onProgress?: ((progress: Omit<RecoverResult, 'dryRun'>) => void) | undefined
}

/** What `recover` found, and, unless it was a dry run, queued to be sent now. */
export interface RecoverResult {
  failed: number
  missing: number
  dryRun: boolean
}

const recoverNames: readonly (keyof RecoverOptions)[] = [
  'endpointId',
  'since',
  'until',
  'only',
  'dryRun',
  'onProgress',
]

const perPage = 500

/**
 * Sends again what an endpoint did not get in a span of time.
 *
 * @throws WebhooksError `endpoint_not_found`; `conflict` if the endpoint is not active;
 * `invalid_option`
 */
export type Recover = (options: RecoverOptions) => Promise<RecoverResult>

/** Builds {@link Recover} over an instance, for the tenants that `tenantOf` lets through. */
export function createRecover(
  context: Context,
  tenantOf: TenantOf,
  { onDue }: { onDue: () => void },
): Recover {
  const { clock, storage } = context

  // Without any, it is the span that is missing.
  return async (options = {} as RecoverOptions) => {
    const tenantId = tenantOf('recover', options, recoverNames)
    const span = checkSpan(options, clock.now())
    const { only = 'failed', dryRun = false } = options
    if (!['failed', 'missing', 'all'].includes(only)) {
      throw new WebhooksError('invalid_option', 'only must be "failed", "missing" or "all"')
    }
    const endpoint = await findActive(tenantId, options.endpointId, dryRun)
    const done = { failed: 0, missing: 0 }
    const count = (kind: keyof typeof done) => (more: number) => {
      done[kind] += more
      options.onProgress?.({ ...done })
    }
    if (only !== 'missing') await recoverFailed(endpoint, span, dryRun, count('failed'))
    if (only !== 'failed') await recoverMissing(endpoint, span, dryRun, count('missing'))
    return { ...done, dryRun }
  }

  async function findActive(
    tenantId: string,
    id: string,
    dryRun: boolean,
  ): Promise<EndpointRecord> {
    const endpoint = await storage.getEndpoint({ tenantId, id: String(id) })
    if (endpoint === null) {
      throw new WebhooksError('endpoint_not_found', `There is no endpoint ${JSON.stringify(id)}`)
    }
    if (!endpoint.active && !dryRun) {
      throw new WebhooksError('conflict', `Endpoint ${id} is not active: enable it first`)
    }
    return endpoint
  }

  async function recoverFailed(
    { tenantId, id }: EndpointRecord,
    span: Span,
    dryRun: boolean,
    count: (more: number) => void,
  ): Promise<void> {
    for (const status of ['failed', 'cancelled'] as const) {
      const list = { tenantId, endpointId: id, status, ...span, offset: 0 }
      let before: string | null = null
      if (dryRun) {
        const page = { ...list, before, limit: 1, withTotal: true }
        const all = await storage.listDeliveries(page)
        const tests = await storage.listDeliveries({ ...page, type: testEventName })
        count((all.total ?? 0) - (tests.total ?? 0))
        continue
      }
      do {
        const { items } = await storage.listDeliveries({
          ...list,
          before,
          limit: perPage,
          withTotal: false,
        })
        const ids = items.filter(isNoTest).map(({ id }) => id)
        count((await storage.requeueDeliveries({ tenantId, ids, now: clock.now() })).length)
        if (ids.length > 0) onDue()
        before = items.length < perPage ? null : (items.at(-1)?.id ?? null)
      } while (before !== null)
    }
  }

  async function recoverMissing(
    endpoint: EndpointRecord,
    span: Span,
    dryRun: boolean,
    count: (more: number) => void,
  ): Promise<void> {
    const { tenantId } = endpoint
    let after: string | null = null
    do {
      const events: EventRecord[] = await storage.listEventsWithoutDelivery({
        tenantId,
        endpointId: endpoint.id,
        ...span,
        after,
        limit: perPage,
      })
      const missed = events.filter((event) => covers(endpoint, event))
      const deliveries = missed.map((event) => deliveryOf(event, endpoint))
      count(dryRun ? missed.length : (await storage.insertDeliveries({ deliveries })).length)
      if (!dryRun && missed.length > 0) onDue()
      after = events.length < perPage ? null : (events.at(-1)?.id ?? null)
    } while (after !== null)
  }

  function deliveryOf(event: EventRecord, endpoint: EndpointRecord): NewDelivery {
    const now = clock.now()
    return {
      id: context.ids('dlv'),
      tenantId: event.tenantId,
      eventId: event.id,
      endpointId: endpoint.id,
      eventType: event.type,
      status: 'pending',
      cancelReason: null,
      dueAt: now,
      leaseToken: null,
      createdAt: now,
    }
  }
}

/** A test send is for the moment: nobody misses it later. */
function isNoTest({ eventType }: DeliveryRecord): boolean {
  return eventType !== testEventName
}

function covers(endpoint: EndpointRecord, event: EventRecord): boolean {
  const data = lazyDataOf(event)
  return matchRules(endpoint, { ...event, data }).receives
}

interface Span {
  since: Date
  until: Date
}

function checkSpan({ since, until }: RecoverOptions, now: Date): Span {
  const span = {
    since: requireInstant('since', since),
    until: requireInstant('until', until ?? now),
  }
  if (span.since >= span.until) {
    throw new WebhooksError('invalid_option', 'since must be before until')
  }
  return span
}
