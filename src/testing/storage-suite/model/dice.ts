import { seededRandom } from '../../seeded-random.ts'

/** Chance, as a seed repeats it. */
export class Dice {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed).next
  }

  /** A whole number from 0 to just below. */
  int(below: number): number {
    return Math.floor(this.#next() * below)
  }

  chance(share: number): boolean {
    return this.#next() < share
  }

  pickFrom<Item>(items: readonly Item[]): Item | undefined {
    return items[this.int(items.length)]
  }

  /** For lists that are known not to be empty. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.int(items.length)] as Item
  }

  times<Item>(count: number, make: () => Item): Item[] {
    return Array.from({ length: count }, make)
  }
}
