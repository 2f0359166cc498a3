import type { InsertedEvent, Lease, NewEvent } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { type FirstPage, Hand, type LeasedEvents, merge, type TenantHand } from './hand.ts'
import { HandPace } from './hand-pace.ts'
import { insertedOf, underLeases } from './kept-events.ts'

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

/** For how long what other processes emit is not looked for while there are events at hand. */
const claimStandsMs = 50

/**
 * What this process emits is kept as long as all that is at hand will be used up in about `keptMs`,
 * or is no more than `keptPerSlot` for each slot. There are never more than `mostKept`, and no more
 * come once their bodies take `mostKeptBytes`.
 */
const keptMs = 2_000
const keptPerSlot = 4
const mostKept = 20_000
const mostKeptBytes = 32 * 1024 * 1024

/** What is taken. */
export interface Taking {
  /** Events at most. */
  limit: number
  /** Whether the next ones may be claimed meanwhile. */
  ahead: boolean
}

/** What came of an insert. */
export interface InsertAnswer {
  answers: InsertedEvent[]
  /** Whether they were kept: nobody else need be told of them. */
  areKept: boolean
}

/**
 * Events that wait in this worker's hand to be fanned out: under its lease, so that no storage has
 * to be asked for them.
 *
 * They come there by two ways. What this process emits is inserted under the lease at once, as long
 * as the worker will soon get to it and nothing older waits in the storage. And as long as many
 * wait there and are soon used up, the next ones are claimed before they are needed: then slots are
 * filled again without waiting for the storage, and a claim brings many, which costs less for each.
 */
export class EventsInHand {
  readonly #context: Context
  readonly #hand = new Hand()
  readonly #pace: HandPace
  /** Is called when events have come that nobody has asked for. */
  readonly #onEvents: () => void
  #claiming: Promise<void> | null = null
  #claimedAt = Number.NEGATIVE_INFINITY
  /** Whether others are known to wait in the storage. */
  #moreWait = false
  /** How often others were inserted to wait there. */
  #othersInserted = 0
  /** Inserts under way of events that will be kept, and how many those are. */
  readonly #inserting = new Set<Promise<unknown>>()
  #insertingCount = 0
  #closed = false

  constructor(context: Context, onEvents: () => void) {
    this.#context = context
    this.#onEvents = onEvents
    this.#pace = new HandPace(context.clock, context.settings.limits.inFlight)
  }

  get isEmpty(): boolean {
    return this.#hand.isEmpty
  }

  /** Whether there are more, here or perhaps in the storage. */
  get mayHaveMore(): boolean {
    return !this.isEmpty || this.#moreWait
  }

  /** Inserts emitted events, and keeps them if this worker will soon get to them. */
  async insert(events: NewEvent[]): Promise<InsertAnswer> {
    const areKept = this.#mayKeep(events)
    if (areKept) return { answers: await this.#insertKept(events), areKept }
    const answers = await this.#context.storage.insertEvents({ events })
    this.#othersInserted += 1
    this.#moreWait = true
    return { answers, areKept }
  }

  /** The oldest of the tenant whose turn it is; `null` where none wait. */
  async take({ limit, ahead }: Taking): Promise<(LeasedEvents & FirstPage) | null> {
    if (this.isEmpty) await (this.#claiming ?? this.#claim(limit))
    const tenant = this.#hand.next
    if (tenant === null) return null
    const page = await this.#pageOf(tenant)
    const taken = this.#hand.take(tenant, limit)
    if (taken === null) return null
    this.#pace.note(taken.events.length)
    if (!this.mayHaveMore) this.#pace.rest()
    if (ahead) this.#claimAhead(limit)
    return { ...taken, ...page }
  }

  /** Takes no more, and gives back what nobody has taken. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([this.#claiming, ...this.#inserting])
    const leases = this.#hand.takeLeases()
    if (leases.length > 0) await this.#giveBack(leases)
  }

  async #giveBack(leases: Lease[]): Promise<void> {
    const { clock, logger, storage } = this.#context
    try {
      await storage.releaseEvents({ now: clock.now(), leases })
    } catch (error) {
      // They are due again when their leases end.
      logger.warn({ reason: String(error) }, 'Events at hand were not given back')
    }
  }

  get #nowMs(): number {
    return this.#context.clock.now().getTime()
  }

  get #inFlight(): number {
    return this.#context.settings.limits.inFlight
  }

  /** Not if the clock has stepped back behind it: nobody knows for how long it would stand then. */
  #stands(sinceMs: number, durationMs: number): boolean {
    const elapsedMs = this.#nowMs - sinceMs
    return elapsedMs >= 0 && elapsedMs < durationMs
  }

  #mayKeep(events: NewEvent[]): boolean {
    if (this.#closed || this.#moreWait) return false
    const soon = Math.max(keptPerSlot * this.#inFlight, this.#pace.eventsIn(keptMs))
    const count = this.#hand.count + this.#insertingCount + events.length
    return count <= Math.min(soon, mostKept) && this.#hand.bytes < mostKeptBytes
  }

  async #insertKept(events: NewEvent[]): Promise<InsertedEvent[]> {
    const since = this.#context.clock.now()
    const leased = underLeases(events, this.#context, since)
    const inserting = this.#context.storage.insertEvents({ events: leased })
    this.#inserting.add(inserting)
    this.#insertingCount += events.length
    try {
      const answers = await inserting
      for (const kept of insertedOf(leased, answers)) this.#hand.add({ ...kept, since }, 'kept')
      return answers
    } finally {
      this.#inserting.delete(inserting)
      this.#insertingCount -= events.length
    }
  }

  /** Looks for what waits in the storage, so that it is at hand before it is needed. */
  #claimAhead(limit: number): void {
    if (this.#claiming !== null || this.#hand.claimed >= this.#inFlight) return
    const isQuick = this.#pace.lastLapMs < quickMs
    const isOld = !this.#stands(this.#claimedAt, claimStandsMs)
    if (!isOld && !(isQuick && this.#moreWait)) return
    // A fault shows again where it is waited for.
    this.#claim(isQuick ? 2 * this.#inFlight : limit)
      .then(() => this.#prepareNext())
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
    this.#claimedAt = since.getTime()
    const othersInserted = this.#othersInserted
    const leaseToken = ids('lease')
    const leaseUntil = new Date(since.getTime() + settings.limits.leaseMs)
    const events = await storage.claimEvents({ now: since, leaseToken, leaseUntil, limit })
    this.#moreWait = events.length === limit || this.#othersInserted !== othersInserted
    if (events.length > 0) this.#hand.add({ events, leaseToken, since }, 'claimed')
  }

  async #prepareNext(): Promise<void> {
    const { next } = this.#hand
    if (next === null) return
    this.#onEvents()
    await this.#pageOf(next)
  }

  /** As it was read after the tenant's first group had come. */
  async #pageOf(tenant: TenantHand): Promise<FirstPage> {
    const { page, arrived } = tenant
    const [first] = tenant.groups
    const isNew = page !== null && this.#stands(page.at, endpointsStandMs)
    if (isNew && first !== undefined && first.place < page.arrived) return page.read
    const read = this.#readPage(tenant)
    tenant.page = { read, at: this.#nowMs, arrived }
    try {
      return await read
    } catch (error) {
      tenant.page = null
      throw error
    }
  }

  async #readPage({ tenantId, groups }: TenantHand): Promise<FirstPage> {
    const { position, emittedAt } = merge(groups.map(({ bounds }) => bounds))
    const endpoints = await this.#context.storage.listSubscribers({
      tenantId,
      position,
      emittedAt: new Date(emittedAt),
      after: null,
      limit: endpointsOnFirstPage,
    })
    return { endpoints, isLast: endpoints.length < endpointsOnFirstPage }
  }
}
