/**
 * `@ainexlayer/webhooks/bullmq`: workers on many machines, woken through BullMQ.
 */
import type { ConnectionOptions } from 'bullmq'
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import { BrokerScheduler, type Sweeping } from '../broker/scheduler.ts'
import type { Scheduler } from '../scheduler.ts'
import { BullmqBroker } from './broker.ts'

export type { Sweeping } from '../broker/scheduler.ts'

/** Options of {@link bullmqScheduler}. */
export interface BullmqSchedulerOptions extends Sweeping {
  /**
   * Where Redis is: options of ioredis (`{ host, port, … }` or `{ url }`), or a client of yours,
   * which stays yours to close. Give a client `maxRetriesPerRequest: null`, as BullMQ asks.
   */
  connection: ConnectionOptions
  /** Name of the BullMQ queue; one for each storage. Default `ainexlayer-webhooks`. */
  queueName?: string
  /** What the queue's keys in Redis begin with. Default `bull`, as BullMQ has it. */
  prefix?: string
}

/**
 * Wakes workers on many machines through BullMQ. A job says only that it is time to look, and holds
 * no id, payload or secret; what there is to do stays in the storage. So Redis may be flushed,
 * restarted or away at any moment: nothing is lost, and `emit` goes on.
 *
 * `start` of the instance rejects with `driver_missing` where `bullmq` or `ioredis` is not installed.
 *
 * @example
 * createWebhooks({
 *   events,
 *   storage: postgresStorage({ pool, listen: false }),
 *   scheduler: bullmqScheduler({ connection: { url: process.env.REDIS_URL } }),
 * })
 *
 * @throws WebhooksError `invalid_option`
 */
export function bullmqScheduler(options: BullmqSchedulerOptions): Scheduler {
  checkOptions('bullmqScheduler', options, ['connection', 'queueName', 'prefix', 'sweepIntervalMs'])
  const { connection, queueName = 'ainexlayer-webhooks', prefix = 'bull', ...rest } = options
  if (typeof connection !== 'object' || connection === null) {
    throw new WebhooksError(
      'invalid_option',
      'connection must be options of ioredis, such as { host, port }, or a client',
    )
  }
  if (queueName === '' || queueName.includes(':')) {
    throw new WebhooksError('invalid_option', 'queueName must be a name without a colon')
  }
  return new BrokerScheduler(new BullmqBroker({ connection, queueName, prefix }), 'Redis', rest)
}
