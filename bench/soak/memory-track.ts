import { median } from '../statistics.ts'

/** What a soak saw. */
export interface SoakResult {
  events: number
  deliveries: number
  /** Median resident memory of each minute (or of each tenth of a shorter run), in MiB. */
  residentMb: number[]
}

/** Resident memory over a long run, in equal parts. */
export class MemoryTrack {
  readonly #parts: number[][]
  readonly #startedAt = performance.now()
  readonly #partMs: number
  readonly #timer: NodeJS.Timeout

  constructor(durationMs: number, parts = 10) {
    this.#partMs = durationMs / parts
    this.#parts = Array.from({ length: parts }, () => [])
    this.#timer = setInterval(() => this.#look(), this.#partMs / 60)
  }

  end(): number[] {
    clearInterval(this.#timer)
    return this.#parts.filter((part) => part.length > 0).map(median)
  }

  #look(): void {
    const part = Math.floor((performance.now() - this.#startedAt) / this.#partMs)
    this.#parts[part]?.push(process.memoryUsage.rss() / 1024 / 1024)
  }
}

/** The most of any minute after the first one, against the first of those. */
export function growth([, second = Number.NaN, ...rest]: number[]): number {
  return Math.max(second, ...rest) / second
}
