import { accepted, busy, handled, overrun, type ReceiverAnswer, receiverFailed } from './answer.ts'
import type { WebhookHandler } from './handlers.ts'
import type { IdempotencyStore } from './idempotency.ts'
import type { WebhookPayload } from './payload.ts'

interface Settings {
  store: IdempotencyStore | false
  respond: 'after' | 'first'
  leaseMs: number
  keepMs: number
  maxInBackground: number
  report(error: unknown, failure: { event: WebhookPayload; status: number }): void
}

interface Job {
  event: WebhookPayload
  handler: WebhookHandler
  waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** Runs handlers: each event once, however often and however close together it comes. */
export class Once {
  readonly #settings: Settings
  /** The answers that requests of this process wait for, by event, and until when they do. */
  readonly #answers = new Map<string, { answer: Promise<ReceiverAnswer>; until: number }>()
  readonly #working = new Set<Promise<unknown>>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** @throws what the store's claim throws */
  run(job: Job): Promise<ReceiverAnswer> {
    const { store, respond } = this.#settings
    if (store === false) return this.#start(job, null)
    if (respond === 'first') return this.#claim(job, store)
    // The repeat waits for the same handler and gets the same answer, good or bad; unless that one
    // has had its time, and may never answer.
    const { id } = job.event
    const known = this.#answers.get(id)
    if (known !== undefined && Date.now() < known.until) return known.answer
    const answer = this.#claim(job, store).finally(() => {
      if (this.#answers.get(id) === waiting) this.#answers.delete(id)
    })
    const waiting = { answer, until: Date.now() + this.#settings.leaseMs }
    this.#answers.set(id, waiting)
    return answer
  }

  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working)
  }

  async #claim(job: Job, store: IdempotencyStore): Promise<ReceiverAnswer> {
    const claim = { id: job.event.id, token: crypto.randomUUID() }
    const outcome = await store.claim({ ...claim, leaseMs: this.#settings.leaseMs })
    if (outcome === 'done') return handled
    if (outcome === 'busy') return busy
    if (outcome !== 'claimed') {
      throw new TypeError(
        `The idempotency store answered ${String(outcome)}, and not claimed, done or busy`,
      )
    }
    return this.#start(job, { ...claim, store })
  }

  async #start(job: Job, claim: Claim | null): Promise<ReceiverAnswer> {
    const inBackground = this.#settings.respond === 'first'
    if (this.#isFull()) {
      await this.#giveBack(job, claim, overrun.status)
      return overrun
    }
    const work = this.#work(job, claim, inBackground ? accepted.status : receiverFailed.status)
    this.#working.add(work)
    void work.then(() => this.#working.delete(work))
    if (!inBackground) return work
    try {
      job.waitUntil?.(work)
    } catch (error) {
      // The handler is at work all the same.
      this.#settings.report(error, { event: job.event, status: accepted.status })
    }
    return accepted
  }

  /** Never rejects. @param status - What the sender is told if the handler fails. */
  async #work(job: Job, claim: Claim | null, status: number): Promise<ReceiverAnswer> {
    try {
      await job.handler(job.event)
    } catch (error) {
      this.#settings.report(error, { event: job.event, status })
      await this.#giveBack(job, claim, status)
      return receiverFailed
    }
    try {
      const { keepMs } = this.#settings
      await claim?.store.done({ id: claim.id, token: claim.token, keepMs })
    } catch (error) {
      // It was handled. To ask for a repeat because of a lost note would be the worse mistake.
      this.#settings.report(error, { event: job.event, status: handled.status })
    }
    return handled
  }

  /** So that the sender's next attempt is let through, at the latest when the lease ends. */
  async #giveBack(job: Job, claim: Claim | null, status: number): Promise<void> {
    try {
      await claim?.store.release({ id: claim.id, token: claim.token })
    } catch (error) {
      this.#settings.report(error, { event: job.event, status })
    }
  }

  #isFull(): boolean {
    const { respond, maxInBackground } = this.#settings
    return respond === 'first' && this.#working.size >= maxInBackground
  }
}

interface Claim {
  store: IdempotencyStore
  id: string
  token: string
}
