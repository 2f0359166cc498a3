import type { EndpointRecord, EventRecord, FanOutResult, NewDelivery } from '../storage/storage.ts'
import type { Context } from './context.ts'
import { matchSubscription } from './matching.ts'
import { delayBefore } from './retry-policy.ts'

/** Events leased at once. */
const eventsPerBatch = 250
/**
 * Endpoints of a tenant looked at at once; fewer at first, so that the first requests are under way
 * while the rest is still being written.
 */
const endpointsOnFirstPage = 100
const endpointsPerPage = 500
/** Deliveries written at once, about. */
const deliveriesPerWrite = 1_000

/** Turns stored events into deliveries. */
export class FanOut {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Fans out one batch of waiting events.
   *
   * @param onDeliveries - Is called after each write, so that dispatch starts before the end.
   * @returns Whether there were any: more may wait.
   */
  async run(onDeliveries: () => void): Promise<boolean> {
    const { clock, ids, settings, storage } = this.#context
    const now = clock.now()
    const leaseToken = ids('lease')
    const events = await storage.claimEvents({
      now,
      leaseToken,
      leaseUntil: new Date(now.getTime() + settings.limits.leaseMs),
      limit: eventsPerBatch,
    })
    // Who has least to fan out comes first: the one with the most would hold up all the others.
    const groups = groupByTenant(events).sort((a, b) => a.length - b.length)
    for (const ofTenant of groups) {
      await this.#fanOutTenant(ofTenant, leaseToken, onDeliveries)
    }
    return events.length > 0
  }

  async #fanOutTenant(
    events: EventRecord[],
    leaseToken: string,
    onDeliveries: () => void,
  ): Promise<void> {
    let after: string | null = null
    let limit = endpointsOnFirstPage
    do {
      const endpoints: EndpointRecord[] = await this.#context.storage.listSubscribers({
        tenantId: events[0]?.tenantId ?? '',
        position: Math.max(...events.map((event) => event.position)),
        emittedAt: new Date(Math.min(...events.map((event) => event.createdAt.getTime()))),
        after,
        limit,
      })
      const isLast = endpoints.length < limit
      await this.#write(events, endpoints, isLast, leaseToken, onDeliveries)
      after = isLast ? null : (endpoints.at(-1)?.id ?? null)
      limit = endpointsPerPage
    } while (after !== null)
  }

  /** Writes what these events owe these endpoints, in writes of bounded size. */
  async #write(
    events: EventRecord[],
    endpoints: EndpointRecord[],
    done: boolean,
    leaseToken: string,
    onDeliveries: () => void,
  ): Promise<void> {
    let results: FanOutResult[] = []
    let count = 0
    for (const event of events) {
      const deliveries = this.#deliveriesOf(event, endpoints)
      results.push({ eventId: event.id, deliveries, done })
      count += deliveries.length
      if (count >= deliveriesPerWrite || event === events.at(-1)) {
        await this.#context.storage.fanOut({ now: this.#context.clock.now(), leaseToken, results })
        if (count > 0) onDeliveries()
        results = []
        count = 0
      }
    }
  }

  #deliveriesOf(event: EventRecord, endpoints: EndpointRecord[]): NewDelivery[] {
    const data = lazyDataOf(event)
    const deliveries: NewDelivery[] = []
    for (const endpoint of endpoints) {
      if (!wasSubscribedAt(endpoint, event)) continue
      // Whether it is still active is decided below: what it missed shall be seen as cancelled.
      const subscription = { ...endpoint, active: true }
      if (!matchSubscription(subscription, { ...event, data }).receives) continue
      deliveries.push(this.#deliveryOf(event, endpoint))
    }
    return deliveries
  }

  #deliveryOf(event: EventRecord, endpoint: EndpointRecord): NewDelivery {
    const { clock, ids, random, settings } = this.#context
    const delayMs = delayBefore(endpoint.retry ?? settings.retry, 0, { random }) ?? 0
    return {
      id: ids('dlv'),
      tenantId: event.tenantId,
      eventId: event.id,
      endpointId: endpoint.id,
      eventType: event.type,
      status: endpoint.active ? 'pending' : 'cancelled',
      cancelReason: endpoint.active ? null : 'endpoint_disabled',
      dueAt: endpoint.active ? new Date(event.createdAt.getTime() + delayMs) : null,
      leaseToken: null,
      createdAt: clock.now(),
    }
  }
}

/** Whether the endpoint existed, and was active, when the event was emitted. */
function wasSubscribedAt(endpoint: EndpointRecord, event: EventRecord): boolean {
  if (endpoint.activePosition >= event.position) return false
  return endpoint.active || (endpoint.disabledAt !== null && endpoint.disabledAt >= event.createdAt)
}

/** The event's data, parsed on first use: most endpoints have no filter and never ask. */
export function lazyDataOf(event: EventRecord): () => unknown {
  let parsed: { data: unknown } | undefined
  return () => {
    parsed ??= JSON.parse(event.body) as { data: unknown }
    return parsed.data
  }
}

function groupByTenant(events: EventRecord[]): EventRecord[][] {
  const groups = new Map<string, EventRecord[]>()
  for (const event of events) {
    const group = groups.get(event.tenantId)
    if (group) group.push(event)
    else groups.set(event.tenantId, [event])
  }
  return [...groups.values()]
}
