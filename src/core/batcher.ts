import type { Clock } from '../ports.ts'

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit. Items that arrive while a write is under way, or in the same turn of the event
 * loop, travel together in the next one; each caller gets the result of its own item.
 */
export class Batcher<Item, Result> {
  readonly #write: (items: Item[]) => Promise<Result[]>
  readonly #maxBatch: number
  readonly #clock: Clock
  readonly #turns: number
  #waiting: Waiting<Item, Result>[] = []
  #running = false
  #idleListeners: (() => void)[] = []

  constructor(options: {
    /** Writes a batch; answers with one result per item, in order. */
    write: (items: Item[]) => Promise<Result[]>
    maxBatch: number
    clock: Clock
    /** Turns of the event loop in which items gather before they are written. Default 1. */
    turns?: number
  }) {
    this.#write = options.write
    this.#maxBatch = options.maxBatch
    this.#clock = options.clock
    this.#turns = options.turns ?? 1
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#running) return
      this.#running = true
      this.#gather(this.#turns)
    })
  }

  /** Lets some turns of the event loop bring more items, and writes. */
  #gather(turns: number): void {
    this.#clock.setTimer(() => {
      if (turns > 1 && this.#waiting.length < this.#maxBatch) this.#gather(turns - 1)
      else void this.#run()
    }, 0)
  }

  /** Resolves once nothing waits and nothing is being written. */
  async idle(): Promise<void> {
    if (!this.#running) return
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const all = this.#waiting
      const batch = all.length <= this.#maxBatch ? all : all.slice(0, this.#maxBatch)
      this.#waiting = batch === all ? [] : all.slice(this.#maxBatch)
      await this.#writeBatch(batch)
    }
    this.#running = false
    for (const listener of this.#idleListeners.splice(0)) listener()
  }

  async #writeBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#write(batch.map((waiting) => waiting.item))
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index] as Result)
      })
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    }
  }
}
