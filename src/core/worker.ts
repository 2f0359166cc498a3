import PQueue from 'p-queue'
import type {
  ClaimedDeliveries,
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
} from '../storage/storage.ts'
import { Alarm } from './alarm.ts'
import { cancelDelivery } from './cancel-delivery.ts'
import type { Context } from './context.ts'
import { DirectLeases, isWithoutLimits } from './direct-leases.ts'
import type { Dispatcher, Job } from './dispatcher.ts'
import { probeFrom } from './endpoint-health.ts'
import { eventsPerBatch, FanOut } from './fan-out.ts'
import { type HeldLease, Leases } from './leases.ts'
import { decideOutcome, type Ended } from './outcome.ts'
import { claimStandsMs, Outlook } from './outlook.ts'
import type { Settler } from './settler.ts'
import { Slots } from './slots.ts'

/** Rest after a claim that found nothing although something seemed due: no spinning, ever. */
const emptyClaimRestMs = 10

/** Turns of the event loop that a busy worker lets pass between two claims. */
const turnsBetweenClaims = 6

/**
 * Events fanned out at once while more deliveries are due than there are slots for: some, so that a
 * tenant that has none waiting gets its turn, and few, so that the worker catches up and need not
 * claim the rest.
 */
const eventsWhileBehind = 16

/** How long waiting events are left for slots to become free, so that they are leased in numbers. */
const slotsWaitMs = 5

/** A claimed delivery with what the storage has of its event and its endpoint. */
interface Found {
  delivery: DeliveryRecord
  event: EventRecord | undefined
  endpoint: EndpointRecord | undefined
}

/** Does due work: fans out, claims, dispatches, settles. Knows nothing of who wakes it. */
export class Worker {
  readonly #context: Context
  readonly #fanOut: FanOut
  readonly #dispatcher: Dispatcher
  readonly #settler: Settler
  readonly #leases: Leases
  readonly #slots: Slots
  readonly #outlook: Outlook
  /** Lets it look again by itself. */
  readonly #alarm: Alarm
  readonly #queue: PQueue
  /** Is called when a slot has become free. */
  readonly #onFree: () => void
  #closed = false
  #turnsWaited = 0
  #claiming: Promise<number> | null = null
  /** Until when events that wait are left for slots that become free. */
  #moreWaitUntil = Number.NEGATIVE_INFINITY

  constructor(
    context: Context,
    parts: { settler: Settler; dispatcher: Dispatcher; onFree: () => void },
  ) {
    this.#context = context
    this.#fanOut = new FanOut(context, {
      directLeases: () => this.#directLeases(),
      onLeased: (leased, since) => this.#takeLeased(leased, since),
      onWaiting: () => {
        this.expectDue()
        void this.#claimQuietly()
      },
    })
    this.#dispatcher = parts.dispatcher
    this.#settler = parts.settler
    this.#onFree = parts.onFree
    this.#leases = new Leases(context)
    this.#slots = new Slots(context.settings.limits, this.#leases)
    this.#outlook = new Outlook(context.clock)
    this.#alarm = new Alarm(context.clock, parts.onFree)
    this.#queue = new PQueue({ concurrency: context.settings.limits.inFlight })
  }

  /** Attempts under way, and those that are being recorded. */
  get inFlight(): number {
    return this.#leases.size
  }

  /** Whether no slot is free. */
  get isFull(): boolean {
    return this.#slots.free === 0
  }

  /** Deliveries may be due that were not when it looked last. */
  expectDue(): void {
    this.#outlook.expectDue()
  }

  /**
   * Starts everything that is due and fits the limits.
   *
   * @param options.thorough - Whether nothing is left to a look that follows in a moment.
   * @returns When to look again; `null` if nothing waits, or if `onFree` will tell.
   * @throws WebhooksError `storage_failed`
   */
  async run({ thorough = false }: { thorough?: boolean } = {}): Promise<Date | null> {
    if (this.#waitsForMore()) return this.#context.clock.now()
    if (!thorough && this.isFull && this.#outlook.hasJustCaughtUp) {
      return this.#lookAgainIn(claimStandsMs)
    }
    const { caughtUpAt } = this.#outlook
    const claimed = this.#isCaughtUp ? 0 : await this.#claim()
    const limit = this.#eventsToFanOut(thorough)
    if (limit === null) {
      return claimed > 0 ? this.#context.clock.now() : this.#lookAgainIn(slotsWaitMs)
    }
    const found = this.#closed ? 0 : await this.#fanOut.run(limit)
    if (found === limit) {
      this.#moreWaitUntil = this.#nowMs + slotsWaitMs
      return this.#context.clock.now()
    }
    const hasClaimed = this.#outlook.caughtUpAt !== caughtUpAt
    if (hasClaimed && this.#isCaughtUp) return this.#nextRun(0)
    if (!thorough && this.inFlight > 0 && this.#outlook.hasJustCaughtUp) {
      return this.#lookAgainIn(claimStandsMs)
    }
    return this.#nextRun(await this.#claim())
  }

  /** Resolves once no attempt is under way. */
  async idle(): Promise<void> {
    await this.#claiming?.catch(() => {})
    await this.#queue.onIdle()
  }

  /**
   * Takes no new work and waits for what is under way; what has not ended after `graceMs` is
   * aborted and handed back, without counting as an attempt.
   */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#alarm.cancel()
    const cancel = this.#context.clock.setTimer(() => this.#leases.abortAll(), graceMs)
    await this.idle()
    cancel()
    await this.#settler.idle()
  }

  async #nextRun(claimed: number): Promise<Date | null> {
    const now = this.#context.clock.now()
    if (this.#closed || this.isFull) return null
    if (claimed > 0) return now
    const next = await this.#context.storage.nextDueAt({ exclude: this.#slots.endpointsAtCap() })
    this.#outlook.noteNextDue(next)
    if (next !== null && next <= now) return new Date(now.getTime() + emptyClaimRestMs)
    return next
  }

  get #isCaughtUp(): boolean {
    return this.#outlook.isCaughtUp({ isIdle: this.inFlight === 0 })
  }

  get #nowMs(): number {
    return this.#context.clock.now().getTime()
  }

  /** Leaves what may be due to another run in a moment. */
  #lookAgainIn(delayMs: number): null {
    this.#alarm.setIn(delayMs)
    return null
  }

  /** @returns `null`: those that wait are left for slots to become free. */
  #eventsToFanOut(thorough: boolean): number | null {
    const room = this.#roomForDirectLeases()
    if (room > 0) return room
    if (thorough) return eventsPerBatch
    if (this.#moreWaitUntil > this.#nowMs) return null
    return this.#isCaughtUp ? eventsPerBatch : eventsWhileBehind
  }

  /** For how many deliveries. None with a few slots only: it pays for many at once. */
  #roomForDirectLeases(): number {
    const isWorthwhile = this.#slots.free >= this.#context.settings.limits.inFlight / 4
    return this.#isCaughtUp && isWorthwhile ? this.#slots.share().limit : 0
  }

  #directLeases(): DirectLeases | null {
    if (this.#closed || this.#claiming !== null || this.#roomForDirectLeases() === 0) return null
    const { clock, ids, settings } = this.#context
    const now = clock.now()
    const leaseUntil = new Date(now.getTime() + settings.limits.leaseMs)
    const lease = { since: now, leaseToken: ids('lease'), leaseUntil }
    return new DirectLeases(this.#slots.share(), lease, this.#outlook.passedOver)
  }

  /**
   * A claim costs the storage much the same for one delivery as for ten. So a worker with most of
   * its slots in use lets a few turns of the event loop free some more before it claims again.
   */
  #waitsForMore(): boolean {
    const isBusy = this.#slots.free < this.#context.settings.limits.inFlight * 0.75
    this.#turnsWaited = isBusy && this.#turnsWaited < turnsBetweenClaims ? this.#turnsWaited + 1 : 0
    return this.#turnsWaited > 0
  }

  /** One claim at a time: a second caller waits for the one under way. */
  #claim(): Promise<number> {
    this.#claiming ??= this.#claimOnce().finally(() => {
      this.#claiming = null
    })
    return this.#claiming
  }

  async #claimQuietly(): Promise<void> {
    // A fault shows again in the run itself.
    await this.#claim().catch(() => {})
  }

  /** Claims for the free slots and starts what it got. @returns How many that were. */
  async #claimOnce(): Promise<number> {
    const { clock, ids, settings, storage } = this.#context
    if (this.#closed || this.isFull) return 0
    const now = clock.now()
    const share = this.#slots.share()
    const atCap = this.#slots.endpointsAtCap()
    const noteCaughtUp = this.#outlook.beginClaim()
    const claimed = await storage.claimDeliveries({
      now,
      leaseToken: ids('lease'),
      leaseUntil: new Date(now.getTime() + settings.limits.leaseMs),
      probeFrom,
      ...share,
    })
    if (!(await this.#startOrGiveBack(claimed, now))) return 0
    const isLess = claimed.deliveries.length < share.limit
    if (isLess) noteCaughtUp([...atCap, ...this.#slots.endpointsAtCap()])
    return claimed.deliveries.length
  }

  /**
   * An answer may have taken so long that the lease may end before its renewal: others may have
   * taken over by now, so nothing is sent under it.
   *
   * @returns Whether they were started.
   */
  async #startOrGiveBack(leased: ClaimedDeliveries, since: Date): Promise<boolean> {
    const { clock, settings } = this.#context
    const tookMs = clock.now().getTime() - since.getTime()
    const isInTime = tookMs < settings.limits.leaseMs / 2
    if (isInTime) this.#start(leased)
    else await this.#giveBack(leased)
    return isInTime
  }

  /** Leaves to a claim what an endpoint, as it is by now, lets only a claim decide. */
  async #takeLeased(
    { deliveries, events, endpoints }: ClaimedDeliveries,
    since: Date,
  ): Promise<void> {
    const now = this.#context.clock.now()
    const limited = endpoints.filter((endpoint) => !isWithoutLimits(endpoint, now))
    const limitedIds = new Set(limited.map(({ id }) => id))
    const toGo = deliveries.filter(({ endpointId }) => !limitedIds.has(endpointId))
    if (toGo.length > 0) await this.#startOrGiveBack({ deliveries: toGo, events, endpoints }, since)
    if (limited.length === 0) return
    const toClaim = deliveries.filter(({ endpointId }) => limitedIds.has(endpointId))
    await this.#giveBack({ deliveries: toClaim, events, endpoints })
    this.expectDue()
  }

  async #giveBack({ deliveries }: ClaimedDeliveries): Promise<void> {
    const leases = deliveries.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
    await this.#context.storage.releaseDeliveries({ now: this.#context.clock.now(), leases })
  }

  #start({ deliveries, events, endpoints }: ClaimedDeliveries): void {
    const eventOf = new Map(events.map((event) => [event.id, event]))
    const endpointOf = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
    for (const delivery of deliveries) {
      const { id, endpointId, leaseToken } = delivery
      const held = this.#leases.hold({ id, endpointId, leaseToken: leaseToken ?? '' })
      const event = eventOf.get(delivery.eventId)
      const endpoint = endpointOf.get(endpointId)
      void this.#queue.add(() => this.#process(held, { delivery, event, endpoint }))
    }
  }

  /** Resolves once the slot is free for the next delivery. */
  async #process(held: HeldLease, found: Found): Promise<void> {
    const ended = await this.#attempt(held, found).catch((error) => this.#report(held, error))
    const settled = this.#settle(held, ended)
    if (ended?.outcome.settlement.attempt.succeeded) {
      // Nothing follows from it for its endpoint: the slot need not wait until it is recorded.
      this.#leases.freeSlot(held)
      this.#noteFree(held)
    } else {
      await settled
    }
  }

  /** @returns `null` where there is nothing to settle. */
  async #attempt(held: HeldLease, { delivery, event, endpoint }: Found): Promise<Ended | null> {
    if (endpoint === undefined || !endpoint.active) {
      const reason = endpoint ? 'endpoint_disabled' : 'endpoint_deleted'
      await cancelDelivery(this.#context, delivery, reason)
      return null
    }
    if (event === undefined) throw new Error(`Event ${delivery.eventId} is missing in the storage`)
    const job: Job = { delivery, event, endpoint }
    const attempt = await this.#dispatcher.attempt(job, held.abort.signal)
    if (attempt.error?.code === 'aborted') {
      const { clock, storage } = this.#context
      await storage.releaseDeliveries({ now: clock.now(), leases: [held] })
      return null
    }
    const { settings, random, clock } = this.#context
    if (attempt.error?.origin !== 'sender') this.#slots.note(endpoint.id, attempt.succeeded)
    return { job, outcome: decideOutcome(job, attempt, { settings, random, now: clock.now() }) }
  }

  async #settle(held: HeldLease, ended: Ended | null): Promise<void> {
    try {
      if (ended !== null) await this.#settler.settle(ended)
    } catch (error) {
      this.#report(held, error)
    } finally {
      this.#leases.drop(held)
      this.#noteFree(held)
    }
  }

  #noteFree({ endpointId }: HeldLease): void {
    if (this.#outlook.passedOver.has(endpointId)) this.expectDue()
    this.#onFree()
  }

  /** The lease runs out and the delivery is tried again: nothing is lost. */
  #report({ id }: HeldLease, error: unknown): null {
    this.#context.logger.error({ id, reason: String(error) }, 'A delivery was not settled')
    return null
  }
}
