import { knex } from 'knex'
import { knexTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Library, poolOptions } from './library.ts'

export const knexLibrary: Library = {
  name: 'Knex',
  noticesEnd: true,
  async connect(options) {
    const { max, ...connection } = poolOptions(options)
    const db = knex({ client: 'pg', connection, pool: { min: 0, max } })
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db.transaction(
          (trx) =>
            work({
              transaction: knexTransaction(trx),
              async addDocument(id) {
                await trx('documents').insert({ id, status: 'new' })
              },
            }),
          { isolationLevel: isolation },
        ),
      outside: () => knexTransaction(db as never),
      close: () => db.destroy(),
    }
  },
}
