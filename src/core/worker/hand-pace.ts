import type { Clock } from '../../ports.ts'

/** What the last lap weighs against all before it. */
const weightOfLast = 0.25

/** How quickly a worker uses up the events in its hand, measured over laps of so many events. */
export class HandPace {
  readonly #clock: Clock
  readonly #eventsPerLap: number
  #count = 0
  #sinceMs: number | null = null
  #lastLapMs = Number.POSITIVE_INFINITY
  /** How long a lap takes, smoothed. */
  #lapMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, eventsPerLap: number) {
    this.#clock = clock
    this.#eventsPerLap = eventsPerLap
  }

  /** How long the last lap took; infinite where none has ended since the last rest. */
  get lastLapMs(): number {
    return this.#lastLapMs
  }

  /** How many events are used up in so long, as a rule; 0 where that is not known yet. */
  eventsIn(durationMs: number): number {
    return (this.#eventsPerLap * durationMs) / this.#lapMs
  }

  note(taken: number): void {
    this.#count += taken
    if (this.#count < this.#eventsPerLap) return
    const nowMs = this.#clock.now().getTime()
    // The first ones find all slots free, and say nothing.
    if (this.#sinceMs !== null) this.#measure(nowMs - this.#sinceMs)
    this.#count = 0
    this.#sinceMs = nowMs
  }

  /** None wait any more: from here on, the time is not the worker's. */
  rest(): void {
    this.#lastLapMs = Number.POSITIVE_INFINITY
    this.#count = 0
    this.#sinceMs = null
  }

  /** @param elapsedMs - Less than nothing where the clock has stepped back. */
  #measure(elapsedMs: number): void {
    this.#lastLapMs = (Math.max(0, elapsedMs) * this.#eventsPerLap) / this.#count
    const before = Number.isFinite(this.#lapMs) ? this.#lapMs : this.#lastLapMs
    this.#lapMs = before + (this.#lastLapMs - before) * weightOfLast
  }
}
