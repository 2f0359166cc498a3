import { Batcher } from '../batcher.ts'
import type { Context } from '../context.ts'
import type { Consequences } from './consequences.ts'
import { recorded } from './lost-answers.ts'
import type { Ended } from './outcome.ts'
import { mayBeRefused, withoutAnswer } from './without-answer.ts'

const attemptsPerWrite = 200

/**
 * Turns of the event loop in which attempts gather before they are written. Hardly anybody waits for
 * it: the slot of a success is free already.
 */
export const turnsToGather = 20

/** Records attempts of deliveries that are stored already, in batches. */
export class Settler {
  readonly #context: Context
  readonly #consequences: Consequences
  readonly #batcher: Batcher<Ended, boolean>

  constructor(context: Context, consequences: Consequences) {
    this.#context = context
    this.#consequences = consequences
    this.#batcher = new Batcher({
      write: (ended) => this.#write(ended),
      maxBatch: attemptsPerWrite,
      clock: context.clock,
      turns: turnsToGather,
    })
  }

  /** @returns Whether it counted; false where the lease had passed on, and nothing was written. */
  async settle(ended: Ended): Promise<boolean> {
    try {
      return await this.#batcher.add(ended)
    } catch (error) {
      if (!mayBeRefused(this.#context, error)) throw error
      return this.#batcher.add(withoutAnswer(ended))
    }
  }

  async #write(batch: Ended[]): Promise<boolean[]> {
    const counted = new Set<Ended>()
    let rest = batch
    do {
      const [firsts, others] = firstOfEachDelivery(rest)
      for (const ended of await this.#writeRound(firsts)) counted.add(ended)
      rest = others
    } while (rest.length > 0)
    return batch.map((ended) => counted.has(ended))
  }

  /** @returns Those that counted. */
  async #writeRound(batch: Ended[]): Promise<Ended[]> {
    const accepted = new Set(
      await this.#context.storage.settleDeliveries({
        now: this.#context.clock.now(),
        settlements: batch.map(({ outcome }) => outcome.settlement),
      }),
    )
    const counted = await recorded(this.#context, batch, accepted)
    await this.#consequences.follow(counted)
    return counted
  }
}

/**
 * Parts a batch so that no write holds two attempts of one delivery (a worker can have claimed it
 * again while its attempt before was still under way): the storage answers with deliveries, and
 * could not say which of the two was under the lease that holds.
 */
function firstOfEachDelivery(batch: Ended[]): [firsts: Ended[], others: Ended[]] {
  const firsts = new Map<string, Ended>()
  const others: Ended[] = []
  for (const ended of batch) {
    const { id } = ended.job.delivery
    if (firsts.has(id)) others.push(ended)
    else firsts.set(id, ended)
  }
  return [[...firsts.values()], others]
}
