/** What happened in a run, as lines of text in the order of time. */
export class Story {
  readonly #telling: boolean
  readonly #elapsedMs: () => number
  readonly #lines: string[] = []
  #isOver = false

  constructor(telling: boolean, elapsedMs: () => number) {
    this.#telling = telling
    this.#elapsedMs = elapsedMs
  }

  /** Adds a line. `what` is asked only in a run that is told: most runs are not. */
  tell(who: string, what: () => string): void {
    if (!this.#isOver) this.#add(who, what)
  }

  /** Adds what the story ends with: what others do in the same moment is not told any more. */
  conclude(who: string, what: () => string): void {
    this.#isOver = true
    this.#add(who, what)
  }

  #add(who: string, what: () => string): void {
    if (!this.#telling) return
    this.#lines.push(`${formatElapsed(this.#elapsedMs())}  ${who.padEnd(8)} ${what()}`)
  }

  /** The lines, with ids as short as in a conversation: `dlv#3`. */
  lines(): string[] {
    const names = new Map<string, string>()
    const counts = new Map<string, number>()
    const nameOf = (id: string, prefix: string) => {
      const known = names.get(id)
      if (known !== undefined) return known
      const count = (counts.get(prefix) ?? 0) + 1
      counts.set(prefix, count)
      names.set(id, `${prefix}#${count}`)
      return `${prefix}#${count}`
    }
    return this.#lines.map((line) =>
      line.replace(/\b(evt|ep|dlv|att|lease)_[0-9a-z]{26}\b/g, nameOf),
    )
  }
}

/** `1d 02:03:04.005` since the start. */
function formatElapsed(elapsedMs: number): string {
  const part = (unitMs: number, size: number, digits: number) =>
    String(Math.floor(elapsedMs / unitMs) % size).padStart(digits, '0')
  const days = Math.floor(elapsedMs / 86_400_000)
  return `${days}d ${part(3_600_000, 24, 2)}:${part(60_000, 60, 2)}:${part(1_000, 60, 2)}.${part(1, 1_000, 3)}`
}
