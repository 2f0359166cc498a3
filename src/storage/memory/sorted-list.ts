/** Rows per chunk: small enough to be copied cheaply, large enough to keep chunks few. */
const CHUNK = 512

/**
 * Rows in ascending order of their ids, in chunks: adding and deleting cost one chunk wherever
 * they happen, the common case (the newest id, at the end) costs O(1), and a page is found without
 * walking to it.
 */
export class SortedList<Row extends { readonly id: string }> {
  readonly #chunks: Row[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(row: Row): void {
    this.#size += 1
    const lastChunk = this.#chunks.at(-1)
    const last = lastChunk?.at(-1)
    if (lastChunk === undefined || (last !== undefined && last.id < row.id)) {
      if (lastChunk === undefined || lastChunk.length >= CHUNK) this.#chunks.push([row])
      else lastChunk.push(row)
      return
    }
    const chunkIndex = this.#chunkFor(row.id)
    const chunk = this.#chunks[chunkIndex] as Row[]
    chunk.splice(indexOf(chunk, row.id), 0, row)
    if (chunk.length > 2 * CHUNK) this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(CHUNK))
  }

  delete(row: Row): void {
    const chunkIndex = this.#chunkFor(row.id)
    const chunk = this.#chunks[chunkIndex]
    if (chunk === undefined) return
    const index = indexOf(chunk, row.id)
    if (chunk[index] !== row) return
    chunk.splice(index, 1)
    this.#size -= 1
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1)
  }

  /** Rows with an id above `after`, oldest first. */
  *ascending(after: string | null = null): Generator<Row> {
    let chunkIndex = after === null ? 0 : this.#chunkFor(after)
    let index = after === null ? 0 : indexOf(this.#chunks[chunkIndex] ?? [], after)
    for (; chunkIndex < this.#chunks.length; chunkIndex += 1, index = 0) {
      const chunk = this.#chunks[chunkIndex] as Row[]
      for (; index < chunk.length; index += 1) {
        const row = chunk[index] as Row
        if (row.id !== after) yield row
      }
    }
  }

  /** Rows with an id below `before`, newest first, without the first `skip` of them. */
  *descending(before: string | null = null, skip = 0): Generator<Row> {
    let chunkIndex = this.#chunks.length - 1
    let end = this.#chunks[chunkIndex]?.length ?? 0
    if (before !== null) {
      chunkIndex = this.#chunkFor(before)
      end = indexOf(this.#chunks[chunkIndex] ?? [], before)
    }
    let toSkip = skip
    for (; chunkIndex >= 0; chunkIndex -= 1, end = this.#chunks[chunkIndex]?.length ?? 0) {
      if (toSkip >= end) {
        toSkip -= end
        continue
      }
      const chunk = this.#chunks[chunkIndex] as Row[]
      for (let index = end - 1 - toSkip; index >= 0; index -= 1) yield chunk[index] as Row
      toSkip = 0
    }
  }

  /** The first chunk that reaches up to `id`; the last one where none does. */
  #chunkFor(id: string): number {
    let low = 0
    let high = Math.max(0, this.#chunks.length - 1)
    while (low < high) {
      const middle = (low + high) >> 1
      const last = this.#chunks[middle]?.at(-1)
      if (last !== undefined && last.id < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Index of the first row whose id is not below `id`. */
function indexOf<Row extends { readonly id: string }>(rows: Row[], id: string): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle] as Row).id < id) low = middle + 1
    else high = middle
  }
  return low
}
