import type { Clock } from '../../ports.ts'

/** Rings once, at the earliest instant that it was set to. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #at = Number.POSITIVE_INFINITY
  #cancel = () => {}

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  setIn(delayMs: number): void {
    const at = this.#clock.now().getTime() + delayMs
    if (at >= this.#at) return
    this.#cancel()
    this.#at = at
    this.#cancel = this.#clock.setTimer(() => {
      this.#at = Number.POSITIVE_INFINITY
      this.#ring()
    }, delayMs)
  }

  cancel(): void {
    this.#cancel()
  }
}
