import type {
  EndpointRecord,
  EventRecord,
  FanOutResult,
  NewDelivery,
  NewEvent,
} from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { delayBefore } from '../health/retry-policy.ts'
import { matchRules } from '../matching/matching.ts'
import { DirectEvent, type DirectParts } from './direct-event.ts'
import type { DirectSends } from './direct-sends.ts'
import { EventsInHand, type InsertAnswer } from './events-in-hand.ts'
import { boundsOf, type FirstPage, type LeasedEvents } from './hand.ts'

/** Endpoints of a tenant looked at at once, after the first page. */
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
  /** There are events to fan out that nobody has asked for. */
  onEvents(): void
}

/** How much is fanned out at once. */
export interface FanOutShare {
  /** Events at most. */
  limit: number
  /** Whether there may be slots to send them with at once. */
  isDirect: boolean
  /** Whether the next ones may be claimed before they are needed. */
  ahead: boolean
}

interface Batch extends LeasedEvents, FirstPage {
  isDirect: boolean
}

/** Turns stored events into deliveries. */
export class FanOut {
  readonly #context: Context
  readonly #host: FanOutHost
  readonly #inHand: EventsInHand

  constructor(context: Context, host: FanOutHost) {
    this.#context = context
    this.#host = host
    this.#inHand = new EventsInHand(context, () => host.onEvents())
  }

  /** Inserts emitted events. Those that this worker will soon get to stay in its hand. */
  insert(events: NewEvent[]): Promise<InsertAnswer> {
    return this.#inHand.insert(events)
  }

  /** Fans out up to `limit` waiting events. @returns Whether more may wait. */
  async run({ limit, isDirect, ahead }: FanOutShare): Promise<boolean> {
    let left = limit
    do {
      const taken = await this.#inHand.take({ limit: left, ahead })
      if (taken === null) break
      await this.#fanOutTenant({ ...taken, isDirect })
      left -= taken.events.length
    } while (left > 0 && !this.#inHand.isEmpty)
    return this.#inHand.mayHaveMore
  }

  /** Begins nothing more, and gives back the events that it holds. */
  close(): Promise<void> {
    return this.#inHand.close()
  }

  async #fanOutTenant(batch: Batch): Promise<void> {
    const { isLast, endpoints } = batch
    if (isLast) {
      await this.#writeAll(batch, { endpoints, isLast, isOnly: true })
      return
    }
    const [firsts, others] = [
      endpoints.slice(0, endpointsAtFirst),
      endpoints.slice(endpointsAtFirst),
    ]
    for (const part of [firsts, others]) {
      await this.#writeAll(batch, { endpoints: part, isLast: false, isOnly: false })
    }
    await this.#fanOutRest(batch, others)
  }

  /** Goes on after the first page. */
  async #fanOutRest(batch: Batch, firstPage: EndpointRecord[]): Promise<void> {
    const { position, emittedAt } = boundsOf(batch.events)
    let page = firstPage
    let isLast = false
    do {
      page = await this.#context.storage.listSubscribers({
        tenantId: batch.events[0]?.tenantId ?? '',
        position,
        emittedAt: new Date(emittedAt),
        after: page.at(-1)?.id ?? null,
        limit: endpointsPerPage,
      })
      isLast = page.length < endpointsPerPage
      await this.#writeAll(batch, { endpoints: page, isLast, isOnly: false })
    } while (!isLast)
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
    const now = this.#context.clock.now()
    for (const event of events) {
      const deliveries = this.#deliveriesOf(event, endpoints, now)
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

  #deliveriesOf(event: EventRecord, endpoints: EndpointRecord[], now: Date): NewDelivery[] {
    const { type, channels } = event
    const occurrence = { type, channels, data: lazyDataOf(event) }
    const deliveries: NewDelivery[] = []
    for (const endpoint of endpoints) {
      if (!wasSubscribedAt(endpoint, event)) continue
      // Whether it is still active is decided below: what it missed shall be seen as cancelled.
      if (!matchRules(endpoint, occurrence).receives) continue
      deliveries.push(this.#deliveryOf(event, endpoint, now))
    }
    return deliveries
  }

  #deliveryOf(event: EventRecord, endpoint: EndpointRecord, createdAt: Date): NewDelivery {
    const { ids, random, settings } = this.#context
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
      createdAt,
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
