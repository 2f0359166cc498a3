import type { Work } from './scheduler.ts'

const never = Number.POSITIVE_INFINITY

/**
 * Calls `run` of a work at the instants that it is told, one call at a time, and at the latest so
 * long after the last one. Instants are epoch milliseconds.
 */
export class RunLoop {
  readonly #longestSleepMs: number
  /** Which instant, if any, follows from what a run returned. */
  readonly #planAfter: (next: Date | null, work: Work) => number
  #work: Work | null = null
  #running: Promise<void> | null = null
  /** When the next run is planned; infinite while none is. */
  #plannedAt = never
  #cancelTimer: (() => void) | null = null
  /** Called when the next run to begin has ended. */
  #waiting: (() => void)[] = []

  constructor(
    longestSleepMs: number,
    planAfter = (next: Date | null, _work: Work) => next?.getTime() ?? never,
  ) {
    this.#longestSleepMs = longestSleepMs
    this.#planAfter = planAfter
  }

  start(work: Work): void {
    this.#work = work
    this.planAt(work.clock.now().getTime())
  }

  /** There is to be a run at this instant, or earlier. */
  planAt(at: number): void {
    if (this.#work === null || at >= this.#plannedAt) return
    this.#plannedAt = at
    // A run under way plans the next one when it ends, and takes this instant into account.
    if (this.#running === null) this.#setTimer(this.#work)
  }

  /** Resolves when a run has ended that began after this call, or when there are no more runs. */
  runSoon(): Promise<void> {
    if (this.#work === null) return Promise.resolve()
    const ended = new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.planAt(this.#work.clock.now().getTime())
    return ended
  }

  /** Resolves once a run under way has ended. */
  async stop(): Promise<void> {
    this.#work = null
    this.#cancelTimer?.()
    await this.#running
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #setTimer(work: Work): void {
    this.#cancelTimer?.()
    const delayMs = Math.max(0, this.#plannedAt - work.clock.now().getTime())
    this.#cancelTimer = work.clock.setTimer(() => {
      this.#running = this.#run(work)
    }, delayMs)
  }

  async #run(work: Work): Promise<void> {
    this.#plannedAt = never
    const waiting = this.#waiting.splice(0)
    const next = await work.run()
    this.#running = null
    for (const resolve of waiting) resolve()
    if (this.#work === null) return
    const latest = work.clock.now().getTime() + this.#longestSleepMs
    this.#plannedAt = Math.min(this.#plannedAt, this.#planAfter(next, work), latest)
    this.#setTimer(work)
  }
}
