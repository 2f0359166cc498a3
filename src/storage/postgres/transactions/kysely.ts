import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** What is used of a `Transaction` or `ControlledTransaction` of Kysely. */
export interface KyselyTransaction {
  readonly isTransaction: true
  withoutPlugins(): {
    executeQuery(query: CompiledStatement): Promise<{ rows: unknown[] }>
  }
}

/** A `CompiledQuery` of Kysely, as its `CompiledQuery.raw` makes it. */
interface CompiledStatement {
  sql: string
  parameters: (string | null)[]
  query: { kind: 'RawNode'; sqlFragments: string[]; parameters: [] }
  queryId: { queryId: string }
}

/**
 * Makes a transaction of Kysely fit for `emit`. Plugins do not see the statement.
 *
 * An invalid event leaves the transaction usable. An error of Postgres ends it, unless you roll back
 * to a savepoint that you made before.
 *
 * @param trx - The transaction that Kysely hands to the callback, or a controlled one.
 *
 * @example
 * await db.transaction().execute(async (trx) => {
 *   await trx.updateTable('documents').set({ status: 'processed' }).where('id', '=', id).execute()
 *   await webhooks.emit('document.processed', data, { transaction: kyselyTransaction(trx) })
 * })
 *
 * @throws WebhooksError `transaction_unsupported`
 */
export function kyselyTransaction(trx: KyselyTransaction): PostgresTransaction {
  if (trx?.isTransaction !== true) {
    throw unsupported('pass the trx of db.transaction().execute(async (trx) => …)')
  }
  return {
    query: (sql, params) =>
      trx.withoutPlugins().executeQuery({
        sql,
        parameters: params,
        query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
        queryId: { queryId: 'webhooks' },
      }),
  }
}
