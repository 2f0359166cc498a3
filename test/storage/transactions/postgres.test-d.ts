import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import type { Knex } from 'knex'
import type { ControlledTransaction, Kysely, Transaction } from 'kysely'
import type pg from 'pg'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import { describe, expectTypeOf, it } from 'vitest'
import { createWebhooks } from '../../../src/index.ts'
import {
  drizzleTransaction,
  knexTransaction,
  kyselyTransaction,
  type PostgresTransaction,
  postgresStorage,
  prismaTransaction,
  typeormTransaction,
} from '../../../src/storage/postgres/index.ts'
import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts'
import { events } from '../../support.ts'

/** The wrappers against the types of the real libraries. */

declare const pool: pg.Pool
const webhooks = createWebhooks({ events, storage: postgresStorage({ pool }) })
const data = { orderId: '1' }

const documents = pgTable('documents', { id: text() })
interface Tables {
  documents: { id: string }
}

describe('what emit takes as transaction', () => {
  it('is a client of pg, and not its pool', () => {
    given<pg.Client>((client) => webhooks.emit('order.paid', data, { transaction: client }))
    given<pg.PoolClient>((client) => webhooks.emit('order.paid', data, { transaction: client }))
    // @ts-expect-error each statement may run on another connection
    webhooks.emit('order.paid', data, { transaction: pool })
  })

  it('is what the wrappers give', () => {
    expectTypeOf(prismaTransaction).returns.toEqualTypeOf<PostgresTransaction>()
    given<Prisma.TransactionClient>((tx) =>
      webhooks.emit('order.paid', data, { transaction: prismaTransaction(tx) }),
    )
    given<Transaction<Tables>>((trx) =>
      webhooks
        .forTenant('t')
        .emitMany([{ type: 'order.paid', data }], { transaction: kyselyTransaction(trx) }),
    )
  })

  it('is not what a library hands out, unwrapped', () => {
    given<Prisma.TransactionClient>((transaction) => {
      // @ts-expect-error prismaTransaction is missing
      webhooks.emit('order.paid', data, { transaction })
    })
    given<Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]>((transaction) => {
      // @ts-expect-error drizzleTransaction is missing
      webhooks.emit('order.paid', data, { transaction })
    })
    given<Transaction<Tables>>((transaction) => {
      // @ts-expect-error kyselyTransaction is missing
      webhooks.emit('order.paid', data, { transaction })
    })
    given<Knex.Transaction>((transaction) => {
      // @ts-expect-error knexTransaction is missing
      webhooks.emit('order.paid', data, { transaction })
    })
  })
})

describe('a wrapper takes its library’s transaction, and not the client outside of one', () => {
  it('of Prisma', () => {
    given<PrismaClient>((prisma) => {
      prisma.$transaction(async (tx) => prismaTransaction(tx))
      // With the methods that an extension adds.
      prisma
        .$extends({ model: { document: { touch: async () => 1 } } })
        .$transaction(async (tx) => prismaTransaction(tx))
      // @ts-expect-error each statement of the client commits by itself
      prismaTransaction(prisma)
    })
  })

  it('of Drizzle', () => {
    given<NodePgDatabase>((db) => {
      db.transaction(async (tx) => {
        drizzleTransaction(tx)
        await tx.transaction(async (nested) => drizzleTransaction(nested))
      })
      // @ts-expect-error each statement runs on any connection
      drizzleTransaction(db)
    })
    given<NodePgDatabase<{ documents: typeof documents }>>((db) =>
      db.transaction(async (tx) => drizzleTransaction(tx)),
    )
  })

  it('of Kysely', () => {
    given<Kysely<Tables>>((db) => {
      db.transaction().execute(async (trx) => kyselyTransaction(trx))
      // @ts-expect-error each statement runs on any connection
      kyselyTransaction(db)
    })
    given<ControlledTransaction<Tables>>((trx) => kyselyTransaction(trx))
  })

  it('of Knex', () => {
    given<Knex>((knex) => {
      knex.transaction(async (trx) => knexTransaction(trx))
      // @ts-expect-error each statement runs on any connection
      knexTransaction(knex)
    })
    given<Knex.Transaction<Tables, { id: string }[]>>((trx) => knexTransaction(trx))
  })

  it('of TypeORM', () => {
    given<DataSource>((dataSource) => {
      dataSource.transaction(async (manager) => typeormTransaction(manager))
      // @ts-expect-error each statement runs on any connection
      typeormTransaction(dataSource)
    })
    given<QueryRunner>((runner) => typeormTransaction(runner))
    given<EntityManager>((manager) => typeormTransaction(manager))
  })
})

/** A value of a type, for calls that are only compiled. */
declare function given<Value>(use: (value: Value) => unknown): void
