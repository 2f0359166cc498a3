import { Kysely, type KyselyPlugin, PostgresDialect } from 'kysely'
import pg from 'pg'
import { kyselyTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Library, poolOptions } from './library.ts'

interface Tables {
  documents: { id: string; status: string }
}

export const kyselyLibrary: Library = {
  name: 'Kysely',
  noticesEnd: true,
  noticesRollback: true,
  async connect(options) {
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new pg.Pool(poolOptions(options)) }),
      plugins: [hideRows],
    })
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db
          .transaction()
          .setIsolationLevel(isolation)
          .execute((trx) =>
            work({
              transaction: kyselyTransaction(trx),
              async addDocument(id) {
                await trx.insertInto('documents').values({ id, status: 'new' }).execute()
              },
            }),
          ),
      outside: () => kyselyTransaction(db as never),
      close: () => db.destroy(),
    }
  },
}

/** A plugin of the host's that changes what statements answer. */
const hideRows: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => ({ ...result, rows: [] }),
}
