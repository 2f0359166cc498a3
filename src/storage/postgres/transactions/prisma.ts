import type { PostgresTransaction } from '../pool.ts'
import { unsupported } from './unsupported.ts'

/** What is used of the client inside Prisma's `$transaction(async (tx) => …)`. */
export interface PrismaTransaction {
  $queryRawUnsafe(sql: string, ...values: (string | null)[]): PromiseLike<unknown[]>
  /** Only the client outside has it, each of whose statements commits by itself: it is refused. */
  $connect?: never
}

/**
 * Makes an interactive transaction of Prisma fit for `emit`. The list form, `$transaction([…])`,
 * has no client to pass.
 *
 * An invalid event leaves the transaction usable. An error of Postgres ends it, unless the event
 * was emitted in a nested `tx.$transaction(…)`, which is a savepoint.
 *
 * @param tx - The client that Prisma hands to the callback.
 *
 * @example
 * await prisma.$transaction(async (tx) => {
 *   await tx.document.update({ where: { id }, data: { status: 'processed' } })
 *   await webhooks.emit('document.processed', data, { transaction: prismaTransaction(tx) })
 * })
 *
 * @throws WebhooksError `transaction_unsupported`
 */
export function prismaTransaction(tx: PrismaTransaction): PostgresTransaction {
  if (typeof tx?.$queryRawUnsafe !== 'function' || tx.$connect !== undefined) {
    throw unsupported('pass the tx of prisma.$transaction(async (tx) => …)')
  }
  return {
    query: async (sql, params) => ({ rows: await tx.$queryRawUnsafe(sql, ...params) }),
  }
}
