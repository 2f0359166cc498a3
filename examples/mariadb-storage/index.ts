/**
 * A storage adapter for MariaDB 10.6 and later: an example of how to write one.
 */
import type { Storage } from '@ainexlayer/webhooks'
import type { Connection, Pool } from 'mysql2/promise'
import { claimMethods } from './claim.ts'
import { deliveryMethods } from './deliveries.ts'
import { endpointMethods } from './endpoints.ts'
import { eventMethods } from './events.ts'
import { fanOutMethods } from './fan-out.ts'
import { checkSession, migrate } from './migrations.ts'
import { operationMethods } from './operation.ts'

/**
 * Keeps events and deliveries in MariaDB. `emit(…, { transaction })` takes the connection on which
 * the host has begun its transaction.
 *
 * @param options.pool - The host's pool, on a database that exists. The host ends it.
 *
 * @example
 * const pool = createPool({ uri: 'mysql://backend:secret@db.internal/backend' })
 * const webhooks = createWebhooks({ events, storage: mariadbStorage({ pool }) })
 */
export function mariadbStorage({ pool }: { pool: Pool }): Storage<Connection> {
  return {
    async open() {
      await checkSession(pool)
      await migrate(pool)
    },
    // The pool is the host's, and there is nothing else to let go of.
    async close() {},
    ...eventMethods(pool),
    ...fanOutMethods(pool),
    ...claimMethods(pool),
    ...deliveryMethods(pool),
    ...endpointMethods(pool),
    ...operationMethods(pool),
  }
}
