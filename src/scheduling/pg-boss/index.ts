/**
 * `@ainexlayer/webhooks/pg-boss`: workers on many machines, woken through pg-boss.
 */
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import { BrokerScheduler, type Sweeping } from '../broker/scheduler.ts'
import type { Scheduler } from '../scheduler.ts'
import type { PgBossInstance } from './boss.ts'
import { PgBossBroker } from './broker.ts'

export type { Sweeping } from '../broker/scheduler.ts'
export type { PgBossInstance } from './boss.ts'

/** Options of {@link pgBossScheduler}. */
export interface PgBossSchedulerOptions extends Sweeping {
  /** A `PgBoss` of yours, version 12. Start it before the instance, and stop it after. */
  boss: PgBossInstance
  /** Name of the pg-boss queue; one for each storage. Default `ainexlayer-webhooks`. */
  queueName?: string
  /**
   * How often, in milliseconds, each worker asks pg-boss for wake-ups; at least 500. It bounds how
   * late another process or a retry is. With `useListenNotify: true` in pg-boss, what is due at once
   * does not wait for it. Default 2,000.
   */
  pollIntervalMs?: number
}

/** As often as pg-boss lets itself be asked. */
const shortestPollMs = 500

/**
 * Wakes workers on many machines through pg-boss. A job says only that it is time to look, and holds
 * no id, payload or secret; what there is to do stays in the storage. So pg-boss may lose jobs, its
 * schema or its connections at any moment: nothing is lost, and `emit` goes on.
 *
 * @example
 * const boss = new PgBoss({ connectionString, useListenNotify: true })
 * await boss.start()
 * const webhooks = createWebhooks({ events, storage, scheduler: pgBossScheduler({ boss }) })
 *
 * @throws WebhooksError `invalid_option`
 */
export function pgBossScheduler(options: PgBossSchedulerOptions): Scheduler {
  checkOptions('pgBossScheduler', options, [
    'boss',
    'queueName',
    'pollIntervalMs',
    'sweepIntervalMs',
  ])
  const { boss, queueName = 'ainexlayer-webhooks', pollIntervalMs = 2_000, ...rest } = options
  if (typeof boss?.send !== 'function' || typeof boss.work !== 'function') {
    throw new WebhooksError(
      'invalid_option',
      'boss must be a PgBoss of yours: npm install pg-boss, and new PgBoss(…)',
    )
  }
  if (!(pollIntervalMs >= shortestPollMs)) {
    throw new WebhooksError('invalid_option', `pollIntervalMs must be at least ${shortestPollMs}`)
  }
  const broker = new PgBossBroker({ boss, queueName, pollIntervalMs })
  return new BrokerScheduler(broker, 'pg-boss', rest)
}
