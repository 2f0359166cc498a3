/** A map that remembers so many entries and no more: the oldest one makes room. */
export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#capacity) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest as Key)
    }
    this.#entries.set(key, value)
  }
}
