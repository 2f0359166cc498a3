import type {
  ClaimedDeliveries,
  EndpointRecord,
  EventRecord,
  FanOutResult,
  NewDelivery,
} from '../storage/storage.ts'
import type { Context } from './context.ts'
import type { DirectLeases } from './direct-leases.ts'
import { matchSubscription } from './matching.ts'
import { notYetAttempted } from './records.ts'
import { delayBefore } from './retry-policy.ts'

/** Events leased at once. */
export const eventsPerBatch = 250
/**
 * Endpoints of a tenant looked at at once; fewer at first, so that the first requests are under way
 * while the rest is still being written.
 */
const endpointsOnFirstPage = 100
const endpointsPerPage = 500
/** Deliveries written at once, about. */
const deliveriesPerWrite = 1_000

/** The worker for which events are fanned out. Dispatch starts after each write, before the end. */
export interface FanOutHost {
  /** What it may lease of the next write; `null`: nothing. */
  directLeases(): DirectLeases | null
  /** What was added under its leases, which began at `since`. */
  onLeased(leased: ClaimedDeliveries, since: Date): Promise<void>
  /** Deliveries were added that wait for a claim. */
  onWaiting(): void
}

/** Turns stored events into deliveries. */
export class FanOut {
  readonly #context: Context
  readonly #host: FanOutHost

  constructor(context: Context, host: FanOutHost) {
    this.#context = context
    this.#host = host
  }

  /** Fans out up to `limit` waiting events. @returns How many there were: more may wait. */
  async run(limit: number): Promise<number> {
    const { clock, ids, settings, storage } = this.#context
    const now = clock.now()
    const leaseToken = ids('lease')
    const events = await storage.claimEvents({
      now,
      leaseToken,
      leaseUntil: new Date(now.getTime() + settings.limits.leaseMs),
      limit,
    })
    // Who has least to fan out comes first: the one with the most would hold up all the others.
    const groups = groupByTenant(events).sort((a, b) => a.length - b.length)
    for (const ofTenant of groups) await this.#fanOutTenant(ofTenant, leaseToken)
    return events.length
  }

  async #fanOutTenant(events: EventRecord[], leaseToken: string): Promise<void> {
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
      await this.#writeAll(events, endpoints, isLast, leaseToken)
      after = isLast ? null : (endpoints.at(-1)?.id ?? null)
      limit = endpointsPerPage
    } while (after !== null)
  }

  /** Writes what these events owe these endpoints, in writes of bounded size. */
  async #writeAll(
    events: EventRecord[],
    endpoints: EndpointRecord[],
    done: boolean,
    leaseToken: string,
  ): Promise<void> {
    let direct: DirectLeases | null = null
    let results: FanOutResult[] = []
    let count = 0
    for (const event of events) {
      if (results.length === 0) direct = this.#host.directLeases()
      const deliveries = this.#deliveriesOf(event, endpoints, direct)
      results.push({ eventId: event.id, deliveries, done })
      count += deliveries.length
      if (count >= deliveriesPerWrite || event === events.at(-1)) {
        await this.#write(results, { leaseToken, events, direct })
        results = []
        count = 0
      }
    }
  }

  async #write(
    results: FanOutResult[],
    {
      leaseToken,
      events,
      direct,
    }: { leaseToken: string; events: EventRecord[]; direct: DirectLeases | null },
  ): Promise<void> {
    const { clock, storage } = this.#context
    const answer = await storage.fanOut({ now: clock.now(), leaseToken, results })
    const added = results.flatMap(({ deliveries }) => deliveries)
    const leased = new Set(answer.leased)
    if (leased.size > 0 && direct !== null) {
      const deliveries = added.filter(({ id }) => leased.has(id)).map(notYetAttempted)
      const { endpoints } = answer
      await this.#host.onLeased({ deliveries, events, endpoints }, direct.since)
    }
    const waits = ({ status, leaseToken: own }: NewDelivery) => status === 'pending' && own === null
    if (added.some(waits)) this.#host.onWaiting()
  }

  #deliveriesOf(
    event: EventRecord,
    endpoints: EndpointRecord[],
    direct: DirectLeases | null,
  ): NewDelivery[] {
    const data = lazyDataOf(event)
    const deliveries: NewDelivery[] = []
    for (const endpoint of endpoints) {
      if (!wasSubscribedAt(endpoint, event)) continue
      // Whether it is still active is decided below: what it missed shall be seen as cancelled.
      const subscription = { ...endpoint, active: true }
      if (!matchSubscription(subscription, { ...event, data }).receives) continue
      const delivery = this.#deliveryOf(event, endpoint)
      deliveries.push(direct?.lease(delivery, endpoint) ?? delivery)
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
