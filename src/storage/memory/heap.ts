/** What a row needs to stand in a {@link Heap}: the heap keeps both fields, nobody else does. */
export interface HeapItem {
  heap: object | null
  heapIndex: number
}

/**
 * A binary heap whose items know their place, so that one in the middle can be moved or taken out
 * in O(log n). An item stands in one heap at a time.
 */
export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = []
  readonly #precedes: (a: Item, b: Item) => boolean

  constructor(precedes: (a: Item, b: Item) => boolean) {
    this.#precedes = precedes
  }

  get size(): number {
    return this.#items.length
  }

  first(): Item | undefined {
    return this.#items[0]
  }

  /** The item that is cheapest to take out; any order. */
  last(): Item | undefined {
    return this.#items.at(-1)
  }

  has(item: Item): boolean {
    return item.heap === this
  }

  add(item: Item): void {
    item.heap = this
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  /** Takes an item out; one that stands elsewhere is left alone. */
  delete(item: Item): void {
    if (!this.has(item)) return
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      last.heapIndex = item.heapIndex
      this.#items[item.heapIndex] = last
      this.moved(last)
    }
    item.heap = null
  }

  /** To be called when what orders the item has changed. */
  moved(item: Item): void {
    this.#rise(item, item.heapIndex)
    this.#sink(item, item.heapIndex)
  }

  /** The first item that is wanted: costs as much as there are unwanted ones before it. */
  firstWhere(wanted: (item: Item) => boolean): Item | undefined {
    let best: Item | undefined
    const open = [0]
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const item = this.#items[index]
      if (item === undefined || (best !== undefined && !this.#precedes(item, best))) continue
      if (wanted(item)) best = item
      else open.push(2 * index + 1, 2 * index + 2)
    }
    return best
  }

  #rise(item: Item, from: number): void {
    let index = from
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = this.#items[parentIndex] as Item
      if (!this.#precedes(item, parent)) break
      this.#put(parent, index)
      index = parentIndex
    }
    this.#put(item, index)
  }

  #sink(item: Item, from: number): void {
    let index = from
    for (;;) {
      const left = this.#items[2 * index + 1]
      if (left === undefined) break
      const right = this.#items[2 * index + 2]
      const child = right !== undefined && this.#precedes(right, left) ? right : left
      if (!this.#precedes(child, item)) break
      const childIndex = child.heapIndex
      this.#put(child, index)
      index = childIndex
    }
    this.#put(item, index)
  }

  #put(item: Item, index: number): void {
    this.#items[index] = item
    item.heapIndex = index
  }
}
