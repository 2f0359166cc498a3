import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { drizzleTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Inside, type Library, poolOptions } from './library.ts'

const documents = pgTable('documents', { id: text(), status: text() })

export const drizzleLibrary: Library = {
  name: 'Drizzle',
  noticesEnd: false,
  noticesRollback: false,
  async connect(options) {
    const pool = new pg.Pool(poolOptions(options))
    const db = drizzle(pool)
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db.transaction((tx) => work(insideOf(tx)), { isolationLevel: isolation }),
      outside: () => drizzleTransaction(db as never),
      close: () => pool.end(),
    }
  },
}

type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]

function insideOf(tx: Transaction): Inside {
  return {
    transaction: drizzleTransaction(tx),
    async addDocument(id) {
      await tx.insert(documents).values({ id, status: 'new' })
    },
    nest: (work) => tx.transaction((nested) => work(insideOf(nested))),
  }
}
