import type { RateLimit } from '../../../model.ts'

/** Less than any real part of a token: what rounding may take from one. */
const tolerance = 1e-6

/** A token bucket in the words of the contract. */
export class ReferenceBucket {
  readonly #rateLimit: RateLimit
  #tokens: number
  #asOf = 0

  constructor(rateLimit: RateLimit) {
    this.#rateLimit = rateLimit
    this.#tokens = rateLimit.limit
  }

  /** Whole tokens at hand. */
  tokensAt(now: Date): number {
    return Math.floor(this.#filled(now) + tolerance)
  }

  take(now: Date): void {
    this.#tokens = this.#filled(now) - 1
    this.#asOf = Math.max(this.#asOf, now.getTime())
  }

  /** When, in epoch milliseconds, the next token is there, counted from the last one taken. */
  nextTokenAt(): number {
    const { limit, intervalMs } = this.#rateLimit
    const lacking = Math.max(0, 1 - this.#tokens - tolerance)
    return this.#asOf + Math.ceil((lacking * intervalMs) / limit)
  }

  #filled(now: Date): number {
    const { limit, intervalMs } = this.#rateLimit
    const elapsed = Math.max(0, now.getTime() - this.#asOf)
    return Math.min(limit, this.#tokens + (elapsed * limit) / intervalMs)
  }
}
