import { isWebhooksError } from '../errors.ts'
import type { Clock } from '../ports.ts'

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit. Items that arrive while the writers are at work, or by the end of the script that
 * brought the first one, travel together in the next batch; each caller gets the result of its own
 * item.
 */
export class Batcher<Item, Result> {
  readonly #write: (items: Item[]) => Promise<Result[]>
  readonly #maxBatch: number
  readonly #clock: Clock
  readonly #turns: number
  readonly #writers: number
  #waiting: Waiting<Item, Result>[] = []
  /** Of each writer that has nothing to do: what wakes it. */
  readonly #resting: (() => void)[] = []
  #idleListeners: (() => void)[] = []

  constructor(options: {
    /** Writes a batch; answers with one result per item, in order. */
    write: (items: Item[]) => Promise<Result[]>
    maxBatch: number
    clock: Clock
    /** Turns of the event loop in which more items gather before they are written. Default none. */
    turns?: number
    /** How many batches may be under way at once. Default 1. */
    writers?: number
  }) {
    this.#write = options.write
    this.#maxBatch = options.maxBatch
    this.#clock = options.clock
    this.#turns = options.turns ?? 0
    this.#writers = options.writers ?? 1
    for (let writer = 0; writer < this.#writers; writer++) void this.#work()
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#resting.pop()?.()
    })
  }

  /** Resolves once nothing waits and nothing is being written. */
  async idle(): Promise<void> {
    if (this.#isIdle) return
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#resting.length === this.#writers
  }

  /**
   * A writer. It works for ever, so that a write belongs to nobody's request: what runs after an
   * `await` runs in the asynchronous context of before it, and not in that of whoever handed the
   * first item in.
   */
  async #work(): Promise<never> {
    for (;;) {
      if (this.#waiting.length === 0) await this.#rest()
      await this.#gather()
      // Another writer may have taken them.
      if (this.#waiting.length > 0) await this.#writeBatch(this.#nextBatch())
    }
  }

  /** Resolves when there is an item to write. */
  #rest(): Promise<void> {
    const woken = new Promise<void>((resolve) => this.#resting.push(resolve))
    if (this.#isIdle) for (const listener of this.#idleListeners.splice(0)) listener()
    return woken
  }

  async #gather(): Promise<void> {
    for (let turn = 0; turn < this.#turns && this.#waiting.length < this.#maxBatch; turn++) {
      await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, 0))
    }
  }

  #nextBatch(): Waiting<Item, Result>[] {
    const all = this.#waiting
    const batch = all.length <= this.#maxBatch ? all : all.slice(0, this.#maxBatch)
    this.#waiting = batch === all ? [] : all.slice(this.#maxBatch)
    return batch
  }

  async #writeBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#write(batch.map((waiting) => waiting.item))
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index] as Result)
      })
    } catch (error) {
      if (batch.length > 1 && isWebhooksError(error, 'storage_failed'))
        await this.#writeApart(batch)
      else for (const waiting of batch) waiting.reject(error)
    }
  }

  /**
   * One by one: what a storage refuses for what one item holds shall be no fault of the others. If
   * it refuses the first two of them, it refuses everything.
   */
  async #writeApart(batch: Waiting<Item, Result>[]): Promise<void> {
    let isWorking = false
    for (const [index, { item, resolve, reject }] of batch.entries()) {
      try {
        const [result] = await this.#write([item])
        resolve(result as Result)
        isWorking = true
      } catch (error) {
        reject(error)
        if (isWorking || index === 0) continue
        for (const waiting of batch.slice(index + 1)) waiting.reject(error)
        return
      }
    }
  }
}
