import type { ClaimedDeliveries, EndpointRecord, NewEvent } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { probeFrom } from '../health/endpoint-health.ts'
import { notYetAttempted } from '../records.ts'
import { Alarm } from './alarm.ts'
import { type AttemptParts, Attempts } from './attempts.ts'
import type { DirectEvent } from './direct-event.ts'
import { DirectSends } from './direct-sends.ts'
import type { InsertAnswer } from './events-in-hand.ts'
import { FanOut } from './fan-out.ts'
import { FanOutPace, slotsWaitMs } from './fan-out-pace.ts'
import { Leases } from './leases.ts'
import { claimStandsMs, Outlook } from './outlook.ts'
import type { Recorder } from './recorder.ts'
import { Slots } from './slots.ts'

/** Rest after a claim that found nothing although something seemed due: no spinning, ever. */
const emptyClaimRestMs = 10

/** Turns of the event loop that a busy worker lets pass between two claims. */
const turnsBetweenClaims = 6

/** Finds due work and begins it: fans out and claims. Knows nothing of who wakes it. */
export class Worker {
  readonly #context: Context
  readonly #fanOut: FanOut
  readonly #recorder: Recorder
  readonly #leases: Leases
  readonly #slots: Slots
  readonly #outlook: Outlook
  readonly #pace: FanOutPace
  /** Lets it look again by itself. */
  readonly #alarm: Alarm
  readonly #attempts: Attempts
  /** Is called when a slot has become free. */
  readonly #onFree: () => void
  #closed = false
  #turnsWaited = 0
  #claiming: Promise<number> | null = null

  constructor(context: Context, parts: AttemptParts & { onFree: () => void }) {
    this.#context = context
    this.#fanOut = new FanOut(context, {
      directSends: (since) => this.#directSends(since),
      send: (direct, endpointOf) => this.#send(direct, endpointOf),
      onWaiting: () => this.#claimSoon(),
      onEvents: () => parts.onFree(),
    })
    this.#recorder = parts.recorder
    this.#onFree = parts.onFree
    this.#leases = new Leases(context)
    this.#slots = new Slots(context.settings.limits, this.#leases)
    this.#outlook = new Outlook(context.clock)
    this.#pace = new FanOutPace(context.clock, this.#slots)
    this.#alarm = new Alarm(context.clock, parts.onFree)
    this.#attempts = new Attempts(context, parts, {
      leases: this.#leases,
      slots: this.#slots,
      onFree: (endpointId) => this.#noteFree(endpointId),
    })
  }

  /** Attempts under way, and those that are being recorded. */
  get inFlight(): number {
    return this.#leases.size
  }

  /** Whether no slot is free. */
  get isFull(): boolean {
    return this.#slots.free === 0
  }

  /** Inserts emitted events, some of them into its own hand. */
  insertEvents(events: NewEvent[]): Promise<InsertAnswer> {
    return this.#fanOut.insert(events)
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
    const share = this.#pace.next({ isCaughtUp: this.#isCaughtUp, isThorough: thorough })
    if (share === null) {
      return claimed > 0 ? this.#context.clock.now() : this.#lookAgainIn(slotsWaitMs)
    }
    const moreWait = !this.#closed && (await this.#fanOut.run(share))
    this.#pace.note(moreWait)
    if (moreWait) return this.#context.clock.now()
    const hasClaimed = this.#outlook.caughtUpAt !== caughtUpAt
    if (hasClaimed && this.#isCaughtUp) return this.#nextRun(0)
    if (!thorough && this.inFlight > 0 && this.#outlook.hasJustCaughtUp) {
      return this.#lookAgainIn(claimStandsMs)
    }
    return this.#nextRun(await this.#claim())
  }

  /**
   * Takes no new work and waits for what is under way; what has not ended after `graceMs` is
   * aborted and handed back, without counting as an attempt.
   */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#alarm.cancel()
    const givenBack = this.#fanOut.close()
    const cancel = this.#context.clock.setTimer(() => this.#leases.abortAll(), graceMs)
    await this.#claiming?.catch(() => {})
    await this.#leases.released()
    cancel()
    await givenBack
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

  /** None under a lease that may end before what was sent is stored. */
  #directSends(since: Date): DirectSends | null {
    const isClaiming = this.#claiming !== null
    if (this.#closed || isClaiming || this.isFull || !this.#isFresh(since)) return null
    const { clock, ids } = this.#context
    const lease = { now: clock.now(), leaseToken: ids('lease') }
    return new DirectSends(this.#slots.share(), lease, this.#outlook.passedOver)
  }

  /** Whether a lease that began then lasts long enough to begin an attempt under it. */
  #isFresh(since: Date): boolean {
    return this.#nowMs - since.getTime() < this.#context.settings.limits.leaseMs / 2
  }

  #send(direct: DirectEvent, endpointOf: ReadonlyMap<string, EndpointRecord>): void {
    const { event, leaseToken, deliveries } = direct
    for (const delivery of deliveries) {
      const { endpointId } = delivery
      const endpoint = endpointOf.get(endpointId)
      const leased = notYetAttempted(delivery, leaseToken)
      this.#attempts.begin({ delivery: leased, event, endpoint }, direct)
    }
    this.#recorder.expect(direct)
    if (direct.others.length > 0) void this.#storeForClaims(direct)
  }

  /** Others of the event wait for a claim: they cannot wait for an answer. */
  async #storeForClaims(direct: DirectEvent): Promise<void> {
    // A fault is reported by its attempts.
    if (await this.#recorder.record(direct).catch(() => false)) this.#claimSoon()
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

  #claimSoon(): void {
    this.expectDue()
    // A fault shows again in the run itself.
    this.#claim().catch(() => {})
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
  async #startOrGiveBack(claimed: ClaimedDeliveries, since: Date): Promise<boolean> {
    const isFresh = this.#isFresh(since)
    if (isFresh) this.#start(claimed)
    else await this.#giveBack(claimed)
    return isFresh
  }

  async #giveBack({ deliveries }: ClaimedDeliveries): Promise<void> {
    const leases = deliveries.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
    await this.#context.storage.releaseDeliveries({ now: this.#context.clock.now(), leases })
  }

  #start({ deliveries, events, endpoints }: ClaimedDeliveries): void {
    const eventOf = new Map(events.map((event) => [event.id, event]))
    const endpointOf = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
    for (const delivery of deliveries) {
      const event = eventOf.get(delivery.eventId)
      const endpoint = endpointOf.get(delivery.endpointId)
      this.#attempts.begin({ delivery, event, endpoint }, null)
    }
  }

  #noteFree(endpointId: string): void {
    if (this.#outlook.passedOver.has(endpointId)) this.expectDue()
    this.#onFree()
  }
}
