import type { RateLimit } from '../../model.ts'

/** What has been taken from a bucket, as the lane stores it. */
export interface BucketState {
  tokensOwed: number
  /** Epoch milliseconds. */
  tokensAsOf: number
}

/**
 * A token bucket in whole numbers, so that no rounding adds up: a token taken costs `intervalMs`
 * units, a millisecond pays `limit` of them back, and a full bucket owes none. A clock that steps
 * back pays nothing back and takes nothing away.
 */
export class TokenBucket {
  readonly #rate: RateLimit
  #owed: number
  #asOf: number

  constructor(rate: RateLimit, state: BucketState) {
    this.#rate = rate
    this.#owed = state.tokensOwed
    this.#asOf = state.tokensAsOf
  }

  get state(): BucketState {
    return { tokensOwed: this.#owed, tokensAsOf: this.#asOf }
  }

  /** How many tokens can be taken at `now`. */
  available(now: number): number {
    const { limit, intervalMs } = this.#rate
    return Math.max(0, Math.floor((limit * intervalMs - this.#owedAt(now)) / intervalMs))
  }

  take(count: number, now: number): void {
    this.#owed = this.#owedAt(now) + count * this.#rate.intervalMs
    this.#asOf = Math.max(this.#asOf, now)
  }

  /** The instant from which at least one token is there. */
  availableAt(): number {
    const { limit, intervalMs } = this.#rate
    const excess = this.#owed - (limit - 1) * intervalMs
    return excess <= 0 ? 0 : this.#asOf + Math.ceil(excess / limit)
  }

  #owedAt(now: number): number {
    return Math.max(0, this.#owed - Math.max(0, now - this.#asOf) * this.#rate.limit)
  }
}
