import type { Storage } from '../storage.ts'
import { deliveryMethods } from './deliveries.ts'
import { endpointMethods } from './endpoints.ts'
import { eventMethods } from './events.ts'
import { operationMethods } from './operation.ts'
import { Tables } from './tables.ts'

/**
 * Keeps everything in this process's memory: for unit tests and for hosts that can afford to lose
 * what is pending when the process ends. Each call makes a storage of its own, empty at first.
 *
 * Claims, settles and inserts cost the same with a million deliveries waiting as with none;
 * listing by a filter, and `stats`, read all rows of the tenant (or of the endpoint or event
 * named). What is not pruned stays in memory.
 *
 * @example
 * const webhooks = createWebhooks({ events, storage: memoryStorage() })
 */
export function memoryStorage(): Storage {
  const tables = new Tables()
  return {
    async open() {},
    async close() {},
    ...eventMethods(tables),
    ...deliveryMethods(tables),
    ...endpointMethods(tables),
    ...operationMethods(tables),
  }
}
