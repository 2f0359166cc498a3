import type { Storage } from '../storage.ts'
import { deliveryMethods } from './deliveries.ts'
import { endpointMethods } from './endpoints.ts'
import { eventMethods } from './events.ts'
import { operationMethods } from './operation.ts'
import type { Tables } from './tables.ts'

/** The contract's methods over the given tables. */
export function assemble(tables: Tables): Storage {
  return {
    async open() {},
    async close() {},
    ...eventMethods(tables),
    ...deliveryMethods(tables),
    ...endpointMethods(tables),
    ...operationMethods(tables),
  }
}
