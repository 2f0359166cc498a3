import type { Clock } from '../ports.ts'

interface Timer {
  at: number
  /** Order of creation: timers of one instant fire in the order in which they were set. */
  order: number
  callback: () => void
}

/**
 * A clock that stands still until a test moves it. Timers with a delay fire as it passes them;
 * those without one fire in the next turn of the event loop, as they do in production.
 */
export class VirtualClock implements Clock {
  #nowMs: number
  #order = 0
  #immediates = 0
  readonly #timers = new Set<Timer>()

  constructor(start: Date) {
    this.#nowMs = start.getTime()
  }

  now(): Date {
    return new Date(this.#nowMs)
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    if (delayMs <= 0) return this.#setImmediate(callback)
    const timer = { at: this.#nowMs + delayMs, order: this.#order++, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    do await turn()
    while (this.#immediates > 0)
  }

  /** Moves on by `durationMs`, timer by timer, and settles after each. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#nowMs + durationMs
    await this.settle()
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.at)
      timer.callback()
      await this.settle()
    }
    this.#nowMs = end
    await this.settle()
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at > end) continue
      if (next === undefined || timer.at < next.at) next = timer
      else if (timer.at === next.at && timer.order < next.order) next = timer
    }
    return next
  }

  #setImmediate(callback: () => void): () => void {
    this.#immediates++
    let pending = true
    const done = () => {
      if (pending) this.#immediates--
      pending = false
    }
    const immediate = setImmediate(() => {
      done()
      callback()
    })
    return () => {
      clearImmediate(immediate)
      done()
    }
  }
}

/** One turn of the event loop: every promise that can settle has settled after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
