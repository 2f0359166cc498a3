import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** What is used of the transaction inside Drizzle's `db.transaction(async (tx) => …)`. */
export interface DrizzleTransaction {
  /** Takes an `SQLWrapper`. */
  execute(query: never): PromiseLike<{ rows: unknown[] }>
  /** Only a transaction has it. */
  rollback(): never
}

/**
 * Makes a transaction of Drizzle on `drizzle-orm/node-postgres` fit for `emit`.
 *
 * An invalid event leaves the transaction usable. An error of Postgres ends it, unless the event
 * was emitted in a nested `tx.transaction(…)`, which is a savepoint.
 *
 * @param tx - The transaction that Drizzle hands to the callback.
 *
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.update(documents).set({ status: 'processed' }).where(eq(documents.id, id))
 *   await webhooks.emit('document.processed', data, { transaction: drizzleTransaction(tx) })
 * })
 *
 * @throws WebhooksError `transaction_unsupported`
 */
export function drizzleTransaction(tx: DrizzleTransaction): PostgresTransaction {
  if (typeof tx?.execute !== 'function' || typeof tx.rollback !== 'function') {
    throw unsupported('pass the tx of db.transaction(async (tx) => …)')
  }
  return {
    query: (sql, params) => {
      // An SQLWrapper as Drizzle's own: `execute` asks it for nothing but text and parameters.
      const statement = { getSQL: () => ({ toQuery: () => ({ sql, params }) }) }
      return Promise.resolve(tx.execute(statement as never))
    },
  }
}
