import type { Clock } from '../../ports.ts'

/**
 * For how long a claim that found less than it could take stands for the next ones. Meanwhile new
 * deliveries are leased as they are added; what becomes due otherwise waits so much longer at most.
 */
export const claimStandsMs = 50

/** What a worker knows about deliveries that are due, from one claim to the next. */
export class Outlook {
  readonly #clock: Clock
  /** When a claim last found less than it could take. */
  #caughtUpAt = Number.NEGATIVE_INFINITY
  /** Until when, as far as is known, nothing is due besides. */
  #nothingDueBefore = Number.NEGATIVE_INFINITY
  /** How often it was told of more. */
  #expected = 0
  #passedOver: ReadonlySet<string> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When it last caught up, as epoch milliseconds. */
  get caughtUpAt(): number {
    return this.#caughtUpAt
  }

  /**
   * Endpoints that may have had more for the last claim than they may hold. Once they may hold more,
   * more may be due.
   */
  get passedOver(): ReadonlySet<string> {
    return this.#passedOver
  }

  /** Deliveries may be due that the last claim did not find. */
  expectDue(): void {
    this.#expected += 1
    this.#nothingDueBefore = Number.NEGATIVE_INFINITY
  }

  /**
   * A claim begins.
   *
   * @returns What to call if it found less than it could take, with the endpoints at their cap
   * before and after it.
   */
  beginClaim(): (atCap: string[]) => void {
    const begunAt = this.#now()
    this.expectDue()
    const expected = this.#expected
    return (atCap) => {
      // It may have looked before what was expected since was there.
      if (this.#expected !== expected) return
      this.#caughtUpAt = begunAt
      this.#nothingDueBefore = begunAt + claimStandsMs
      this.#passedOver = new Set(atCap)
    }
  }

  /** The storage says when something is due next. */
  noteNextDue(next: Date | null): void {
    if (this.hasJustCaughtUp) this.#nothingDueBefore = next?.getTime() ?? Number.POSITIVE_INFINITY
  }

  /** Whether a moment ago nothing more was due. */
  get hasJustCaughtUp(): boolean {
    // Less than nothing where the clock has stepped back: nobody knows then for how long it stands.
    const elapsedMs = this.#now() - this.#caughtUpAt
    return this.#isNothingKnown && elapsedMs >= 0 && elapsedMs < claimStandsMs
  }

  /**
   * Whether nothing is known to be due: neither from a moment ago nor, while the worker has nothing
   * in its hands, from the last time. (A busy one may have made something due later by itself.)
   */
  isCaughtUp({ isIdle }: { isIdle: boolean }): boolean {
    return this.hasJustCaughtUp || (isIdle && this.#isNothingKnown)
  }

  get #isNothingKnown(): boolean {
    return this.#now() < this.#nothingDueBefore
  }

  #now(): number {
    return this.#clock.now().getTime()
  }
}
