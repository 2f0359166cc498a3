import type { RateLimit } from '../../model.ts'

/**
 * A token bucket in whole numbers, so that no rounding adds up: each token taken costs
 * `intervalMs` units, each millisecond pays `limit` of them back, and no more than
 * `limit * intervalMs` may be owed. A clock that goes backwards pays nothing back, and takes
 * nothing away.
 */
export class TokenBucket {
  readonly #limit: number
  readonly #intervalMs: number
  #owed = 0
  #asOf = 0

  constructor(rateLimit: RateLimit) {
    this.#limit = rateLimit.limit
    this.#intervalMs = rateLimit.intervalMs
  }

  /** The instant, in epoch milliseconds, from which a token is there. */
  availableAt(): number {
    const excess = this.#owed - (this.#limit - 1) * this.#intervalMs
    return excess <= 0 ? Number.NEGATIVE_INFINITY : this.#asOf + Math.ceil(excess / this.#limit)
  }

  take(now: number): void {
    if (now > this.#asOf) {
      this.#owed = Math.max(0, this.#owed - (now - this.#asOf) * this.#limit)
      this.#asOf = now
    }
    this.#owed += this.#intervalMs
  }
}
