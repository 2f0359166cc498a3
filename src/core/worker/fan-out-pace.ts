import type { Clock } from '../../ports.ts'
import type { FanOutShare } from './fan-out.ts'
import type { Slots } from './slots.ts'

/** Events fanned out at once where all of them are stored for claims. */
const eventsPerBatch = 250

/**
 * Events fanned out at once while more deliveries are due than there are slots for: some, so that a
 * tenant that has none waiting gets its turn, and few, so that the worker catches up and need not
 * claim the rest.
 */
const eventsWhileBehind = 16

/** How long waiting events are left for more slots to become free, so that they go in numbers. */
export const slotsWaitMs = 5

/** How long they are left for any to become free: then they are stored for a claim, and seen. */
const longestSlotsWaitMs = 100

/** What a worker knows when it looks for events. */
interface Situation {
  /** Whether nothing else is due. */
  isCaughtUp: boolean
  /** Whether nothing is left to a look that follows in a moment. */
  isThorough: boolean
}

/** Decides how many events are fanned out at once: as many as can be sent, if that is to be had. */
export class FanOutPace {
  readonly #clock: Clock
  readonly #slots: Slots
  /** Since when there have been few slots, or none. */
  #lacksSlotsSince: number | null = null
  /** Whether more events are known to wait than were taken the last time. */
  #moreWait = false

  constructor(clock: Clock, slots: Slots) {
    this.#clock = clock
    this.#slots = slots
  }

  /** @returns `null`: those that wait are left for slots to become free. */
  next({ isCaughtUp, isThorough }: Situation): FanOutShare | null {
    const { free, areFew } = this.#slots
    const waits = areFew && this.#moreWait && !isThorough
    if (free > 0 && isCaughtUp && (!waits || this.#lackedSlotsFor(slotsWaitMs))) {
      this.#lacksSlotsSince = null
      return { limit: this.#slots.share().limit, isDirect: true, ahead: !isThorough }
    }
    const stored = { isDirect: false, ahead: false }
    if (isThorough) return { limit: eventsPerBatch, ...stored }
    if (free > 0 && !isCaughtUp) return { limit: eventsWhileBehind, ...stored }
    if (!this.#lackedSlotsFor(longestSlotsWaitMs)) return null
    return { limit: eventsPerBatch, ...stored }
  }

  /** Whether more may wait than were taken. */
  note(moreWait: boolean): void {
    this.#moreWait = moreWait
  }

  #lackedSlotsFor(durationMs: number): boolean {
    const now = this.#clock.now().getTime()
    // It lies ahead where the clock has stepped back.
    this.#lacksSlotsSince = Math.min(this.#lacksSlotsSince ?? now, now)
    return now - this.#lacksSlotsSince >= durationMs
  }
}
