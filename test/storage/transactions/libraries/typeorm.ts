import { DataSource, type EntityManager, EntitySchema } from 'typeorm'
import { typeormTransaction } from '../../../../src/storage/postgres/index.ts'
import type { Inside, Isolation, Library } from './library.ts'

const Document = new EntitySchema<{ id: string; status: string }>({
  name: 'documents',
  columns: { id: { type: String, primary: true }, status: { type: String } },
})

const isolationLevels = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
} as const satisfies Record<Isolation, string>

export const typeormLibrary: Library = {
  name: 'TypeORM',
  noticesEnd: true,
  noticesRollback: false,
  async connect({ connectionString, schema }) {
    const url = connectionString
    const dataSource = new DataSource({ type: 'postgres', url, schema, entities: [Document] })
    await dataSource.initialize()
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        dataSource.transaction(isolationLevels[isolation], (manager) => work(insideOf(manager))),
      outside: () => typeormTransaction(dataSource.manager),
      close: () => dataSource.destroy(),
    }
  },
}

function insideOf(manager: EntityManager): Inside {
  return {
    transaction: typeormTransaction(manager),
    async addDocument(id) {
      await manager.insert(Document, { id, status: 'new' })
    },
    nest: (work) => manager.transaction((nested) => work(insideOf(nested))),
  }
}
