import type { Storage } from '../storage.ts'
import { assemble } from './assemble.ts'
import { Tables } from './tables.ts'

/**
 * Keeps everything in this process's memory: for unit tests and for hosts that can afford to lose
 * what is pending when the process ends. Each call makes a storage of its own, empty at first.
 *
 * Claims, settles and inserts cost the same with a million deliveries waiting as with none;
 * listing by a filter, and `stats`, read all rows of the tenant (or of the endpoint or event
 * named); `health` and gauges read all rows. What is not pruned stays in memory.
 *
 * @example
 * const webhooks = createWebhooks({ events, storage: memoryStorage() })
 */
export function memoryStorage(): Storage {
  return assemble(new Tables())
}
