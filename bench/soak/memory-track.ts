import { median } from '../statistics.ts'

/** What a soak saw. */
export interface SoakResult {
  events: number
  deliveries: number
  memory: Memory
}

/** In MiB, the median of each minute (or of each tenth of a shorter run). */
export interface Memory {
  /** What the process holds, after a collection: the heap's objects, and buffers outside of it. */
  live: number[]
  /** What the system has given to the process. */
  resident: number[]
}

/** Many, as what is under way at a look is chance. */
export const looksPerPart = 60

/**
 * Memory over a long run, in equal parts. Each look collects garbage first: without it, V8 lets the
 * heap fill whatever room it has been given, and what a look finds is chance.
 */
export class MemoryTrack {
  readonly #live: number[][]
  readonly #resident: number[][]
  readonly #startedAt = performance.now()
  readonly #partMs: number
  readonly #timer: NodeJS.Timeout

  constructor(durationMs: number, parts = 10) {
    this.#partMs = durationMs / parts
    this.#live = Array.from({ length: parts }, () => [])
    this.#resident = Array.from({ length: parts }, () => [])
    this.#timer = setInterval(() => this.#look(), this.#partMs / looksPerPart)
  }

  end(): Memory {
    clearInterval(this.#timer)
    const medians = (parts: number[][]) => parts.filter((part) => part.length > 0).map(median)
    return { live: medians(this.#live), resident: medians(this.#resident) }
  }

  #look(): void {
    const part = Math.floor((performance.now() - this.#startedAt) / this.#partMs)
    if (globalThis.gc === undefined) throw new Error('A soak runs with --expose-gc')
    globalThis.gc()
    const { heapUsed, external, rss } = process.memoryUsage()
    this.#live[part]?.push((heapUsed + external) / 1024 / 1024)
    this.#resident[part]?.push(rss / 1024 / 1024)
  }
}

/** The most of any minute after the first one, against the first of those. */
export function growth([, second = Number.NaN, ...rest]: number[]): number {
  return Math.max(second, ...rest) / second
}
