import type { EndpointRecord, EventRecord } from '../../storage/storage.ts'
import type { Context } from '../context.ts'

/**
 * Endpoints of a tenant looked at at first: few, so that the first requests of a large fan-out are
 * under way while the rest is still being looked for.
 */
const endpointsOnFirstPage = 100

/**
 * For how long endpoints stand as they were read. What is changed meanwhile takes effect so much
 * later at most, and for an event that is emitted after the change at once.
 */
const endpointsStandMs = 50

/** Events are claimed ahead where as many as there are slots are used up in less. */
const quickMs = 50

/** The first endpoints that may concern events of one tenant. */
export interface FirstPage {
  endpoints: EndpointRecord[]
  /** Whether there are no others. */
  isLast: boolean
}

/** Events of one tenant under this worker's lease. */
export interface LeasedEvents {
  events: EventRecord[]
  leaseToken: string
  /** When they were leased. */
  since: Date
}

/** What is taken. */
export interface Taking {
  /** Events at most. */
  limit: number
  /** Whether the next ones may be claimed meanwhile. */
  ahead: boolean
}

interface Held extends LeasedEvents {
  /** Begun before it is needed where there is time. */
  page: Promise<FirstPage> | null
  pageAt: number
}

/**
 * Events that wait to be fanned out. As long as many wait and are soon used up, the next ones are
 * claimed before they are needed: then slots are filled again without waiting for the storage, and
 * a claim brings many, which costs less for each.
 */
export class EventsInHand {
  readonly #context: Context
  /** The oldest first; none of them is empty. */
  readonly #held: Held[] = []
  #claiming: Promise<void> | null = null
  /** Whether the last claim found as many as it could take. */
  #moreWait = false
  /** How many were taken since when, up to as many as there are slots. */
  #taken = 0
  #takenSinceMs = Number.NEGATIVE_INFINITY
  /** Whether the last ones were soon used up. */
  #isQuick = false
  #closed = false

  constructor(context: Context) {
    this.#context = context
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  /** Whether there are more, here or perhaps in the storage. */
  get mayHaveMore(): boolean {
    return !this.isEmpty || this.#moreWait
  }

  /** The oldest of one tenant; `null` where none wait. */
  async take({ limit, ahead }: Taking): Promise<(LeasedEvents & FirstPage) | null> {
    if (this.isEmpty) await (this.#claiming ?? this.#claim(limit))
    const [held] = this.#held
    if (held === undefined) return null
    const page = await this.#pageOf(held)
    const events = held.events.splice(0, limit)
    if (held.events.length === 0) this.#held.shift()
    this.#noteTaken(events.length)
    if (ahead) this.#claimAhead()
    return { ...held, ...page, events }
  }

  /** Takes no more, and gives back what nobody has taken. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#claiming?.catch(() => {})
    const leases = this.#held
      .splice(0)
      .flatMap(({ events, leaseToken }) => events.map(({ id }) => ({ id, leaseToken })))
    if (leases.length === 0) return
    const { clock, logger, storage } = this.#context
    try {
      await storage.releaseEvents({ now: clock.now(), leases })
    } catch (error) {
      // They are due again when their leases end.
      logger.warn({ reason: String(error) }, 'Events claimed ahead were not given back')
    }
  }

  get #nowMs(): number {
    return this.#context.clock.now().getTime()
  }

  get #inFlight(): number {
    return this.#context.settings.limits.inFlight
  }

  #noteTaken(count: number): void {
    this.#taken += count
    if (this.#taken < this.#inFlight) return
    this.#isQuick = this.#nowMs - this.#takenSinceMs < quickMs
    this.#taken = 0
    this.#takenSinceMs = this.#nowMs
  }

  /** Keeps about as many as there are slots. */
  #claimAhead(): void {
    const count = this.#held.reduce((sum, { events }) => sum + events.length, 0)
    const isWorthIt = this.#moreWait && this.#isQuick && count < this.#inFlight
    if (!isWorthIt || this.#claiming !== null) return
    // A fault shows again where it is waited for.
    this.#claim(2 * this.#inFlight)
      .then(() => this.#readPages())
      .catch(() => {})
  }

  #claim(limit: number): Promise<void> {
    this.#claiming = this.#claimOnce(limit).finally(() => {
      this.#claiming = null
    })
    return this.#claiming
  }

  async #claimOnce(limit: number): Promise<void> {
    if (this.#closed) return
    const { clock, ids, settings, storage } = this.#context
    const since = clock.now()
    const leaseToken = ids('lease')
    const leaseUntil = new Date(since.getTime() + settings.limits.leaseMs)
    const events = await storage.claimEvents({ now: since, leaseToken, leaseUntil, limit })
    this.#moreWait = events.length === limit
    // Who has least to fan out comes first: the one with the most would hold up all the others.
    const groups = groupByTenant(events).sort((a, b) => a.length - b.length)
    for (const ofTenant of groups) {
      this.#held.push({ events: ofTenant, leaseToken, since, page: null, pageAt: 0 })
    }
  }

  async #readPages(): Promise<void> {
    for (const held of [...this.#held]) await this.#pageOf(held)
  }

  async #pageOf(held: Held): Promise<FirstPage> {
    if (held.page === null || this.#nowMs - held.pageAt >= endpointsStandMs) {
      held.pageAt = this.#nowMs
      held.page = this.#readPage(held.events)
    }
    try {
      return await held.page
    } catch (error) {
      held.page = null
      throw error
    }
  }

  async #readPage(events: EventRecord[]): Promise<FirstPage> {
    const endpoints = await this.#context.storage.listSubscribers({
      ...subscribersOf(events),
      after: null,
      limit: endpointsOnFirstPage,
    })
    return { endpoints, isLast: endpoints.length < endpointsOnFirstPage }
  }
}

/** Whom events of one tenant may concern. */
export function subscribersOf(events: EventRecord[]) {
  return {
    tenantId: events[0]?.tenantId ?? '',
    position: Math.max(...events.map((event) => event.position)),
    emittedAt: new Date(Math.min(...events.map((event) => event.createdAt.getTime()))),
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
