import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
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
      // One that changes what statements answer.
      plugins: [new CamelCasePlugin()],
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
