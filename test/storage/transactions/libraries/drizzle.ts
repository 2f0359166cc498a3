import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { drizzleTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Library, poolOptions } from './library.ts'

const documents = pgTable('documents', { id: text(), status: text() })

export const drizzleLibrary: Library = {
  name: 'Drizzle',
  noticesEnd: false,
  async connect(options) {
    const pool = new pg.Pool(poolOptions(options))
    const db = drizzle(pool)
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db.transaction(
          (tx) =>
            work({
              transaction: drizzleTransaction(tx),
              async addDocument(id) {
                await tx.insert(documents).values({ id, status: 'new' })
              },
            }),
          { isolationLevel: isolation },
        ),
      outside: () => drizzleTransaction(db as never),
      close: () => pool.end(),
    }
  },
}
