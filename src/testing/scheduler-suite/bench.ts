import assert from 'node:assert/strict'
import type { Clock } from '../../ports.ts'
import { systemClock } from '../../system.ts'
import { VirtualClock } from '../virtual-clock.ts'

/** Long after any real clock, so that a scheduler that asks for the time itself is found out. */
const start = new Date('2050-01-01T00:00:00.123Z')

/** How often it is looked while waiting. */
const lookEveryMs = 5
/** Virtual time passes in so many steps, so that a run that takes some turns is over before the next. */
const steps = 100
const turnsPerStep = 3

/** Time as the tests of the suite let it pass: virtual to the millisecond, or real. */
export class Bench {
  readonly clock: Clock
  readonly #virtual: VirtualClock | null
  readonly #latenessMs: number

  constructor({ virtual, latenessMs }: { virtual: boolean; latenessMs: number }) {
    this.#virtual = virtual ? new VirtualClock(start) : null
    this.clock = this.#virtual ?? systemClock
    this.#latenessMs = latenessMs
  }

  /** The instant so many milliseconds from now. */
  in(ms: number): Date {
    return new Date(this.clock.now().getTime() + ms)
  }

  /** Lets so much time pass, and what is due happen. */
  async pass(ms: number): Promise<void> {
    if (this.#virtual === null) return sleep(ms)
    const end = this.clock.now().getTime() + ms
    for (const step = Math.max(1, Math.ceil(ms / steps)); ; ) {
      const left = end - this.clock.now().getTime()
      await this.#virtual.advance(Math.min(left, step))
      for (let turn = 0; turn < turnsPerStep; turn += 1) await this.#virtual.settle()
      if (left <= step) return
    }
  }

  /**
   * Lets time pass until the condition holds: `withinMs`, and as much again as a run may be late.
   *
   * @throws AssertionError if the condition does not hold by then.
   */
  async until(condition: () => boolean, failure: string, withinMs = 0): Promise<void> {
    if (this.#virtual !== null) await this.pass(withinMs)
    const end = this.clock.now().getTime() + this.#latenessMs
    const patienceEnds = this.#virtual === null ? end + withinMs : end
    while (!condition() && this.clock.now().getTime() < patienceEnds) await this.pass(lookEveryMs)
    assert.ok(condition(), failure)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
