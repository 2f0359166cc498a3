import type { DeliveryRecord } from '../storage/storage.ts'
import { Batcher } from './batcher.ts'
import type { Context } from './context.ts'
import type { HealthKeeper } from './health-keeper.ts'
import type { Ended, Outcome } from './outcome.ts'
import { toDelivery } from './records.ts'

const attemptsPerWrite = 200

/** Records attempts in batches, and what follows from them for endpoints and listeners. */
export class Settler {
  readonly #context: Context
  readonly #health: HealthKeeper
  readonly #batcher: Batcher<Ended, boolean>

  constructor(context: Context, health: HealthKeeper) {
    this.#context = context
    this.#health = health
    this.#batcher = new Batcher({
      write: (ended) => this.#write(ended),
      maxBatch: attemptsPerWrite,
      clock: context.clock,
      // Hardly anybody waits for it: the slot of a success is free already.
      turns: 6,
    })
  }

  /** @returns Whether it counted; false where the lease had passed on, and nothing was written. */
  settle(ended: Ended): Promise<boolean> {
    return this.#batcher.add(ended)
  }

  /** Resolves once everything handed in is recorded. */
  idle(): Promise<void> {
    return this.#batcher.idle()
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
    const counted = batch.filter(({ job }) => accepted.has(job.delivery.id))
    for (const ended of counted) this.#notify(ended)
    await this.#recordHealth(counted)
    return counted
  }

  /** A lost health record heals with the next attempt; the deliveries themselves are settled. */
  async #recordHealth(counted: Ended[]): Promise<void> {
    try {
      await this.#health.record(counted)
    } catch (error) {
      this.#context.logger.warn({ reason: String(error) }, 'Endpoint health was not recorded')
    }
  }

  #notify({ job, outcome }: Ended): void {
    const { notifier } = this.#context
    const { attempt, status } = outcome.settlement
    const failed = !attempt.succeeded
    const names = [
      ...(failed ? (['delivery.attempt.failed'] as const) : []),
      ...(status === 'succeeded' ? (['delivery.succeeded'] as const) : []),
      ...(status === 'failed' ? (['delivery.failed'] as const) : []),
    ].filter((name) => notifier.has(name))
    if (names.length === 0) return
    const { tenantId } = job.delivery
    const delivery = toDelivery(settled(job.delivery, outcome))
    for (const name of names) notifier.notify(name, { tenantId, delivery, attempt })
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

/** The delivery as it stands after its settlement. */
function settled(delivery: DeliveryRecord, { settlement }: Outcome): DeliveryRecord {
  const { attempt: _, ...changes } = settlement
  return { ...delivery, ...changes, leaseToken: null }
}
