import type { BacklogRecord } from '../storage/storage.ts'
import type { Context } from './context.ts'

/** How long an answer is good for: probes and scrapers of a fleet ask far more often. */
const keptMs = 5_000

/** Reads the backlog for whoever asks, once at a time and at most every few seconds. */
export class BacklogReader {
  readonly #context: Context
  #answer: Promise<BacklogRecord> | null = null
  #goodUntil = Number.POSITIVE_INFINITY

  constructor(context: Context) {
    this.#context = context
  }

  /** @throws WebhooksError `storage_failed`, `stopped` */
  read(): Promise<BacklogRecord> {
    if (this.#context.clock.now().getTime() >= this.#goodUntil) this.#answer = null
    this.#answer ??= this.#ask()
    return this.#answer
  }

  async #ask(): Promise<BacklogRecord> {
    const { clock, storage } = this.#context
    this.#goodUntil = Number.POSITIVE_INFINITY
    try {
      return await storage.backlog({ now: clock.now() })
    } finally {
      // Counted from the answer on, so that a slow storage gets its rest; a fault is kept as long.
      this.#goodUntil = clock.now().getTime() + keptMs
    }
  }
}
