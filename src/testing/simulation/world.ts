import { Heap, type HeapItem } from '../../storage/memory/heap.ts'
import type { Dice } from './dice.ts'
import { Story } from './story.ts'

/** Whose doing a step is. Steps of the dead are dropped. */
export interface Owner {
  readonly alive: boolean
}

interface Step extends HeapItem {
  at: number
  /** Drawn: steps of one instant are taken in any order, and a seed repeats it. */
  order: number
  owner: Owner
  run: () => void
}

function isBefore(a: Step, b: Step): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}

/** More steps than any sound run takes: an engine that spins is stopped here. */
const mostSteps = 200_000

/**
 * Time and the order of things. Whatever waits, for an instant or for an answer, waits here as a
 * step; the world takes steps one at a time and lets every promise settle in between.
 */
export class World {
  readonly dice: Dice
  readonly story: Story
  readonly #steps = new Heap<Step>(isBefore)
  readonly #startMs: number
  #nowMs: number
  #taken = 0

  constructor(dice: Dice, { startMs, telling }: { startMs: number; telling: boolean }) {
    this.dice = dice
    this.#startMs = startMs
    this.#nowMs = startMs
    this.story = new Story(telling, () => this.#nowMs - this.#startMs)
  }

  /** True time in epoch milliseconds; clocks of processes may differ from it. */
  get nowMs(): number {
    return this.#nowMs
  }

  get steps(): number {
    return this.#taken
  }

  /** Whether it was given up because it never came to rest. */
  get exhausted(): boolean {
    return this.#taken >= mostSteps
  }

  /** Plans a step. @returns A function that calls it off. */
  plan(owner: Owner, delayMs: number, run: () => void): () => void {
    const order = this.dice.between(0, 2 ** 30)
    const at = this.#nowMs + Math.max(0, Math.ceil(delayMs))
    const step: Step = { at, order, owner, run, heap: null, heapIndex: 0 }
    this.#steps.add(step)
    return () => void this.#steps.delete(step)
  }

  /** Resolves after a delay; never, if the owner dies before. */
  sleep(owner: Owner, delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.plan(owner, delayMs, resolve))
  }

  /** Takes steps until `isDone`, or until none is left up to the instant `untilMs`. */
  async run(untilMs: number, isDone: () => boolean): Promise<void> {
    await allSettled()
    while (!this.exhausted && !isDone()) {
      const step = this.#steps.first()
      if (step === undefined || step.at > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs)
        return
      }
      this.#steps.delete(step)
      if (!step.owner.alive) continue
      this.#nowMs = Math.max(this.#nowMs, step.at)
      this.#taken += 1
      step.run()
      await allSettled()
    }
  }
}

/**
 * Resolves when every promise that can settle has settled: Node runs `nextTick` callbacks that a
 * microtask adds only once no microtask is left. A tenth of the price of a turn of the event loop.
 */
function allSettled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}
