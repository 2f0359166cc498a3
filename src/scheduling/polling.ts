import { WebhooksError } from '../errors.ts'
import type { Scheduler, Work } from './scheduler.ts'

/** Options of {@link pollingScheduler}. */
export interface PollingSchedulerOptions {
  /**
   * The longest sleep in milliseconds. It bounds how late work is found that another process
   * added, or that a transaction committed. Default 1,000.
   */
  intervalMs?: number
}

/**
 * Wakes the worker by the clock: sleeps until the next due time, at most `intervalMs`, and is
 * woken earlier by what this process itself adds.
 *
 * @throws WebhooksError `invalid_option` for an interval below 1 ms.
 */
export function pollingScheduler({ intervalMs = 1_000 }: PollingSchedulerOptions = {}): Scheduler {
  if (!Number.isFinite(intervalMs) || intervalMs < 1) {
    throw new WebhooksError('invalid_option', 'intervalMs must be at least 1 millisecond')
  }
  return new PollingScheduler(intervalMs)
}

class PollingScheduler implements Scheduler {
  readonly #intervalMs: number
  #work: Work | null = null
  #running: Promise<void> | null = null
  /** When the next run is planned, as an instant in ms; infinite while none is. */
  #plannedAt = Number.POSITIVE_INFINITY
  #cancelTimer: (() => void) | null = null

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  async start(work: Work): Promise<void> {
    this.#work = work
    this.notify(work.clock.now())
  }

  notify(dueAt: Date): void {
    const at = dueAt.getTime()
    if (this.#work === null || at >= this.#plannedAt) return
    this.#plannedAt = at
    // A run under way plans the next one when it ends, and takes this instant into account.
    if (this.#running === null) this.#setTimer(this.#work)
  }

  async stop(): Promise<void> {
    this.#work = null
    this.#cancelTimer?.()
    await this.#running
  }

  #setTimer(work: Work): void {
    this.#cancelTimer?.()
    const delayMs = Math.max(0, this.#plannedAt - work.clock.now().getTime())
    this.#cancelTimer = work.clock.setTimer(() => {
      this.#running = this.#run(work)
    }, delayMs)
  }

  async #run(work: Work): Promise<void> {
    this.#plannedAt = Number.POSITIVE_INFINITY
    const next = await work.run()
    this.#running = null
    if (this.#work === null) return
    const latest = work.clock.now().getTime() + this.#intervalMs
    this.#plannedAt = Math.min(this.#plannedAt, next?.getTime() ?? latest, latest)
    this.#setTimer(work)
  }
}
