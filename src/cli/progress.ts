import type { Io } from './io.ts'

/** A bar on standard error, where that is a terminal; else nothing. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream
  readonly #total: number
  readonly #startedAt = performance.now()
  #drawnAt = 0

  constructor(io: Io, total: number) {
    this.#stream = io.stderr
    this.#total = total
  }

  update(done: number): void {
    const now = performance.now()
    // Ten times a second is more than anybody reads.
    if (!this.#stream.isTTY || (now - this.#drawnAt < 100 && done < this.#total)) return
    this.#drawnAt = now
    this.#stream.write(`\r\x1b[K${this.#text(Math.min(done, this.#total), now - this.#startedAt)}`)
  }

  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
  }

  #text(done: number, elapsedMs: number): string {
    const share = this.#total === 0 ? 1 : done / this.#total
    const width = Math.max(10, Math.min(40, (this.#stream.columns ?? 80) - 40))
    const filled = Math.round(share * width)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
    const left = share > 0 ? ` ${Math.ceil((elapsedMs / share - elapsedMs) / 1000)} s left` : ''
    return `${bar} ${done} of ${this.#total}${left}`
  }
}
