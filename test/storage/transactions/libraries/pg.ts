import pg from 'pg'
import { type Library, poolOptions } from './library.ts'

export const pgLibrary: Library = {
  name: 'pg',
  noticesEnd: true,
  noticesRollback: false,
  async connect(options) {
    const pool = new pg.Pool(poolOptions(options))
    const idle = await pool.connect()
    return {
      async transact(work, { isolation = 'read committed' } = {}) {
        const client = await pool.connect()
        try {
          await client.query(`BEGIN ISOLATION LEVEL ${isolation}`)
          await work({
            transaction: client,
            async addDocument(id) {
              await client.query('INSERT INTO documents (id, status) VALUES ($1, $2)', [id, 'new'])
            },
          })
          await client.query('COMMIT')
        } catch (error) {
          await client.query('ROLLBACK')
          throw error
        } finally {
          client.release()
        }
      },
      outside: () => idle,
      async close() {
        idle.release()
        await pool.end()
      },
    }
  },
}
