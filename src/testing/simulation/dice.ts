import { seededRandom } from '../seeded-random.ts'

/** Every choice of a simulation: the same seed draws the same choices in the same order. */
export class Dice {
  readonly #random: { next(): number }

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.#random.next() < probability
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random.next() * (most - least + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new Error('There is nothing to pick from')
    return item
  }

  /** One of the items, or `undefined` where there is none. */
  pickAny<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : this.pick(items)
  }

  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let rest = this.#random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      rest -= weight
      if (rest < 0) return name
    }
    return (entries[0] as [Name, number])[0]
  }

  /** A seed for another source of randomness. */
  seed(): number {
    return this.between(0, 2 ** 32 - 1)
  }
}
