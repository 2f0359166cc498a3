import type { RateLimit } from '@ainexlayer/webhooks'

/** What rounding may take from a token, and less than any real part of one. */
const tolerance = 1e-9

/**
 * The rate limit of an endpoint: how much was spent, and as of when. What was spent comes back at
 * `limit / intervalMs` per millisecond. While the clock is behind `asOf`, nothing does.
 */
export class TokenBucket {
  readonly #rate: RateLimit
  #spent: number
  #asOf: number

  constructor(rate: RateLimit, state: { spent: number; asOf: number }) {
    this.#rate = rate
    this.#spent = state.spent
    this.#asOf = state.asOf
  }

  get spent(): number {
    return this.#spent
  }

  get asOf(): number {
    return this.#asOf
  }

  /** Whole tokens at hand. */
  tokensAt(now: number): number {
    return Math.max(0, Math.floor(this.#rate.limit - this.#spentAt(now) + tolerance))
  }

  take(count: number, now: number): void {
    this.#spent = this.#spentAt(now) + count
    this.#asOf = Math.max(this.#asOf, now)
  }

  /** When the next token is at hand; 0 if one is. */
  nextTokenAt(): number {
    const lacking = this.#spent - (this.#rate.limit - 1) - tolerance
    if (lacking <= 0) return 0
    return this.#asOf + Math.ceil((lacking * this.#rate.intervalMs) / this.#rate.limit)
  }

  #spentAt(now: number): number {
    const back = (Math.max(0, now - this.#asOf) * this.#rate.limit) / this.#rate.intervalMs
    return Math.max(0, this.#spent - back)
  }
}
