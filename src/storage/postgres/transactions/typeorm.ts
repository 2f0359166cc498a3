import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** What is used of a `QueryRunner` of TypeORM. */
export interface TypeormQueryRunner {
  readonly isTransactionActive: boolean
  query(sql: string, params: (string | null)[]): Promise<unknown>
}

/** What is used of the `EntityManager` inside TypeORM's `transaction(async (manager) => …)`. */
export interface TypeormEntityManager {
  readonly queryRunner?: TypeormQueryRunner
}

/**
 * Makes a transaction of TypeORM fit for `emit`.
 *
 * An invalid event leaves the transaction usable. An error of Postgres ends it, unless the event
 * was emitted in a nested `manager.transaction(…)`, which is a savepoint.
 *
 * @param manager - The entity manager that TypeORM hands to the callback, or a query runner on
 * which you called `startTransaction()`.
 *
 * @example
 * await dataSource.transaction(async (manager) => {
 *   await manager.update(Document, { id }, { status: 'processed' })
 *   await webhooks.emit('document.processed', data, { transaction: typeormTransaction(manager) })
 * })
 *
 * @throws WebhooksError `transaction_unsupported`
 */
export function typeormTransaction(
  manager: TypeormEntityManager | TypeormQueryRunner,
): PostgresTransaction {
  return {
    query: async (sql, params) => {
      const runner = manager && 'isTransactionActive' in manager ? manager : manager?.queryRunner
      if (!runner?.isTransactionActive) {
        throw unsupported('pass the manager of dataSource.transaction(async (manager) => …)')
      }
      return { rows: (await runner.query(sql, params)) as unknown[] }
    },
  }
}
