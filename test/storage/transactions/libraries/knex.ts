import { type Knex, knex } from 'knex'
import { knexTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Inside, type Library, poolOptions } from './library.ts'

export const knexLibrary: Library = {
  name: 'Knex',
  noticesEnd: true,
  noticesRollback: false,
  async connect(options) {
    const { max, ...connection } = poolOptions(options)
    const db = knex({
      client: 'pg',
      connection,
      pool: { min: 0, max },
      postProcessResponse: (response) =>
        response.rows ? { ...response, rows: response.rows.map(camelCased) } : response,
    })
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        db.transaction((trx) => work(insideOf(trx)), { isolationLevel: isolation }),
      outside: () => knexTransaction(db as never),
      close: () => db.destroy(),
    }
  },
}

/** As hosts do that write columns as `created_at` and properties as `createdAt`. */
function camelCased(row: object): object {
  const entries = Object.entries(row).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ])
  return Object.fromEntries(entries)
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
