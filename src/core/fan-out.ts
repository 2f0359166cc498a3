import type { EndpointRecord, EventRecord, FanOutResult, NewDelivery } from '../storage/storage.ts'
import type { Context } from './context.ts'
import { DirectEvent, type DirectParts } from './direct-event.ts'
import type { DirectSends } from './direct-sends.ts'
import { matchRules } from './matching.ts'
import { delayBefore } from './retry-policy.ts'

/** Events leased at once. */
export const eventsPerBatch = 250
/**
 * Endpoints of a tenant looked at at once; fewer at first, so that the first requests are under way
 * while the rest is still being looked for.
 */
const endpointsOnFirstPage = 100
const endpointsPerPage = 500
/** Of a first page that others follow, so many are written before the rest of it. */
const endpointsAtFirst = 32
/** Deliveries written at once, about. */
const deliveriesPerWrite = 1_000

/** The worker for which events are fanned out. Dispatch starts as it goes, before the end. */
export interface FanOutHost {
  /** What it may send by itself of events that it leased at `since`; `null`: nothing. */
  directSends(since: Date): DirectSends | null
  /** Sends deliveries, and sees to it that they are stored. */
  send(direct: DirectEvent, endpointOf: ReadonlyMap<string, EndpointRecord>): void
  /** Deliveries were added that wait for a claim. */
  onWaiting(): void
}

/** How much is fanned out at once. */
export interface FanOutShare {
  /** Events at most. */
  limit: number
  /** Whether there may be slots to send them with at once. */
  isDirect: boolean
}

/** Events of one tenant, and since when they are leased under which token. */
interface Batch {
  events: EventRecord[]
  isDirect: boolean
  leaseToken: string
  since: Date
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
  async run({ limit, isDirect }: FanOutShare): Promise<number> {
    const { clock, ids, settings, storage } = this.#context
    const since = clock.now()
    const leaseToken = ids('lease')
    const events = await storage.claimEvents({
      now: since,
      leaseToken,
      leaseUntil: new Date(since.getTime() + settings.limits.leaseMs),
      limit,
    })
    // Who has least to fan out comes first: the one with the most would hold up all the others.
    const groups = groupByTenant(events).sort((a, b) => a.length - b.length)
    for (const ofTenant of groups) {
      await this.#fanOutTenant({ events: ofTenant, isDirect, leaseToken, since })
    }
    return events.length
  }

  async #fanOutTenant(batch: Batch): Promise<void> {
    const { events } = batch
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
      const isFirst = after === null
      const isOnly = isLast && isFirst
      const atFirst = isFirst && !isOnly ? endpoints.splice(0, endpointsAtFirst) : []
      if (atFirst.length > 0) {
        await this.#writeAll(batch, { endpoints: atFirst, isLast: false, isOnly })
      }
      await this.#writeAll(batch, { endpoints, isLast, isOnly })
      after = isLast ? null : (endpoints.at(-1)?.id ?? null)
      limit = endpointsPerPage
    } while (after !== null)
  }

  /** Sends or writes what these events owe these endpoints, in writes of bounded size. */
  async #writeAll(
    batch: Batch,
    {
      endpoints,
      isLast,
      isOnly,
    }: { endpoints: EndpointRecord[]; isLast: boolean; isOnly: boolean },
  ): Promise<void> {
    const { events, leaseToken } = batch
    const endpointOf = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
    // An event that is written in parts may have been written in part by a worker that died.
    let sends = batch.isDirect && isOnly ? this.#host.directSends(batch.since) : null
    let results: FanOutResult[] = []
    let count = 0
    for (const event of events) {
      const deliveries = this.#deliveriesOf(event, endpoints)
      const parts = sends && pickDirect(deliveries, sends, endpointOf)
      if (sends && parts) {
        const tokens = { event: leaseToken, deliveries: sends.leaseToken }
        this.#host.send(new DirectEvent(event, parts, tokens), endpointOf)
        continue
      }
      results.push({ eventId: event.id, leaseToken, deliveries, done: isLast })
      count += deliveries.length
      if (count < deliveriesPerWrite) continue
      await this.#write(results)
      results = []
      count = 0
      // The endpoints are no longer what they were a moment ago.
      sends = null
    }
    if (results.length > 0) await this.#write(results)
  }

  async #write(results: FanOutResult[]): Promise<void> {
    const { clock, storage } = this.#context
    await storage.fanOut({ now: clock.now(), results })
    const isPending = ({ status }: NewDelivery) => status === 'pending'
    if (results.some(({ deliveries }) => deliveries.some(isPending))) this.#host.onWaiting()
  }

  #deliveriesOf(event: EventRecord, endpoints: EndpointRecord[]): NewDelivery[] {
    const { type, channels } = event
    const occurrence = { type, channels, data: lazyDataOf(event) }
    return (
      endpoints
        .filter((endpoint) => wasSubscribedAt(endpoint, event))
        // Whether it is still active is decided below: what it missed shall be seen as cancelled.
        .filter((endpoint) => matchRules(endpoint, occurrence).receives)
        .map((endpoint) => this.#deliveryOf(event, endpoint))
    )
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

/**
 * Parts an event's deliveries into those that are sent at once and the others.
 *
 * @returns `null` where fewer are sent than wait: then all of them do, in writes of bounded size.
 */
function pickDirect(
  deliveries: NewDelivery[],
  sends: DirectSends,
  endpointOf: ReadonlyMap<string, EndpointRecord>,
): DirectParts | null {
  const direct: NewDelivery[] = []
  const others: NewDelivery[] = []
  for (const delivery of deliveries) {
    const endpoint = endpointOf.get(delivery.endpointId)
    const isDirect = endpoint !== undefined && sends.take(delivery, endpoint)
    ;(isDirect ? direct : others).push(delivery)
  }
  return direct.length > 0 && direct.length >= others.length ? { direct, others } : null
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
