import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** What is used of a `Knex.Transaction`. */
export interface KnexTransaction {
  raw(sql: string, bindings: (string | null)[]): PromiseLike<{ rows: unknown[] }>
  /** Only a transaction has it. */
  isCompleted(): boolean
}

/**
 * Makes a transaction of Knex fit for `emit`.
 *
 * An invalid event leaves the transaction usable. An error of Postgres ends it, unless the event
 * was emitted in a nested `trx.transaction(…)`, which is a savepoint.
 *
 * @param trx - The transaction that Knex hands to the callback, or resolves to.
 *
 * @example
 * await knex.transaction(async (trx) => {
 *   await trx('documents').where({ id }).update({ status: 'processed' })
 *   await webhooks.emit('document.processed', data, { transaction: knexTransaction(trx) })
 * })
 *
 * @throws WebhooksError `transaction_unsupported`
 */
export function knexTransaction(trx: KnexTransaction): PostgresTransaction {
  if (typeof trx?.isCompleted !== 'function') {
    throw unsupported('pass the trx of knex.transaction(async (trx) => …)')
  }
  return {
    query: async (sql, params) => {
      if (trx.isCompleted()) throw unsupported('it was committed or rolled back before emit')
      const bindings: (string | null)[] = []
      const text = sql.replace(/\?|\$(\d+)/g, (found, place: string | undefined) => {
        if (place === undefined) return `\\${found}`
        bindings.push(params[Number(place) - 1] ?? null)
        return '?'
      })
      return trx.raw(text, bindings)
    },
  }
}
