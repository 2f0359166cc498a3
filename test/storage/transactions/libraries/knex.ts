import { type Knex, knex } from 'knex'
import { knexTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Inside, type Library, poolOptions } from './library.ts'

export const knexLibrary: Library = {
  name: 'Knex',
  noticesEnd: true,
  noticesRollback: false,
  async connect(options) {
    const { max, ...connection } = poolOptions(options)
    const db = knex({ client: 'pg', connection, pool: { min: 0, max } })
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db.transaction((trx) => work(insideOf(trx)), { isolationLevel: isolation }),
      outside: () => knexTransaction(db as never),
      close: () => db.destroy(),
    }
  },
}

function insideOf(trx: Knex.Transaction): Inside {
  return {
    transaction: knexTransaction(trx),
    async addDocument(id) {
      await trx('documents').insert({ id, status: 'new' })
    },
    nest: (work) => trx.transaction((nested) => work(insideOf(nested))),
  }
}
