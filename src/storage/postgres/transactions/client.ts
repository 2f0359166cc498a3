import { type Database, type Param, paramText } from '../database.ts'
import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** Runs a statement of ours, and resolves to its rows. */
export type Run = (name: string, sql: string, params: Param[]) => Promise<unknown[]>

/** Runs statements on the caller's transaction, if there is one, or else prepared under their names. */
export function runnerFor(database: Database, transaction: PostgresTransaction | undefined): Run {
  if (transaction === undefined) {
    return (name, sql, params) => database.queryNamed(name, sql, params)
  }
  return (_name, sql, params) => queryIn(transaction, sql, params.map(paramText))
}

/**
 * Runs a statement on what the caller gave as `transaction`: a client of `pg`, or a wrapper.
 *
 * @returns The rows.
 * @throws WebhooksError `transaction_unsupported`
 */
async function queryIn(
  transaction: PostgresTransaction,
  sql: string,
  params: (string | null)[],
): Promise<unknown[]> {
  check(transaction)
  const answer = await transaction.query(sql, params)
  if (Array.isArray(answer?.rows)) return answer.rows
  throw unsupported('its query() must resolve to { rows }. Roll it back: the event may be on it')
}

function check(given: unknown): void {
  if (typeof given !== 'object' || given === null || !hasMethod(given, 'query')) {
    throw unsupported(
      'it has no query(sql, params). Pass a client of pg, or wrap what you have: ' +
        'prismaTransaction(tx), drizzleTransaction(tx), kyselyTransaction(trx), ' +
        'knexTransaction(trx), typeormTransaction(manager)',
    )
  }
  if ('totalCount' in given) {
    throw unsupported(
      'it is a pool, which may run each statement on another connection. Pass the client from ' +
        'pool.connect() on which you ran BEGIN',
    )
  }
  if ('getRepository' in given || 'isTransactionActive' in given) {
    throw unsupported('it is of TypeORM. Pass typeormTransaction(manager)')
  }
  // Newer releases of pg tell: I for idle, T for in a transaction, E for in a failed one.
  if (hasMethod(given, 'getTransactionStatus') && given.getTransactionStatus() === 'I') {
    throw unsupported('no transaction is open on it. Run BEGIN on it, and await that, before emit')
  }
}

function hasMethod<Name extends string>(
  given: object,
  name: Name,
): given is Record<Name, () => unknown> {
  return typeof (given as Record<string, unknown>)[name] === 'function'
}
