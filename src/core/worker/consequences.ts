import type { DeliveryRecord, Settlement } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import type { HealthKeeper } from '../health/health-keeper.ts'
import { toDelivery } from '../records.ts'
import type { Ended, Outcome } from './outcome.ts'

/** What follows from attempts that were recorded, for listeners and for their endpoints. */
export class Consequences {
  readonly #context: Context
  readonly #health: HealthKeeper

  constructor(context: Context, health: HealthKeeper) {
    this.#context = context
    this.#health = health
  }

  /** Takes in attempts that counted, in the order in which they ended. */
  async follow(counted: Ended[]): Promise<void> {
    for (const ended of counted) this.#notify(ended)
    await this.#recordHealth(counted)
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
    const { attempt } = outcome.settlement
    const names = notificationsOf(outcome.settlement).filter((name) => notifier.has(name))
    if (names.length === 0) return
    const { tenantId } = job.delivery
    const delivery = toDelivery(settled(job.delivery, outcome))
    for (const name of names) notifier.notify(name, { tenantId, delivery, attempt })
  }
}

function notificationsOf({ status }: Settlement) {
  if (status === 'succeeded') return onSuccess
  return status === 'failed' ? onFailure : onFailedAttempt
}

const onSuccess = ['delivery.succeeded'] as const
const onFailedAttempt = ['delivery.attempt.failed'] as const
const onFailure = ['delivery.attempt.failed', 'delivery.failed'] as const

/** The delivery as it stands after its settlement. */
function settled(delivery: DeliveryRecord, { settlement }: Outcome): DeliveryRecord {
  const { attempt: _, ...changes } = settlement
  return { ...delivery, ...changes, leaseToken: null }
}
