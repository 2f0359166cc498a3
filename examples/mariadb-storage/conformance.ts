/** What `testStorage` needs to try the adapter, with whatever runner. */
import type { StorageFixture } from '@ainexlayer/webhooks/testing'
import { type Connection, createConnection, createPool, type Pool } from 'mysql2/promise'
import { mariadbStorage } from './index.ts'
import { readRaw } from './raw.ts'

export const capabilities = { reopen: true, transactions: true, readRaw: true }

let databases = 0

/**
 * A database of its own for one test.
 *
 * @param server - Of a user who may create databases, such as `mysql://root@127.0.0.1/`.
 */
export async function createFixture(server: string): Promise<StorageFixture<Connection>> {
  databases += 1
  const database = `webhooks_test_${process.pid}_${databases}`
  const admin = await createConnection(server)
  await admin.query(`CREATE DATABASE ${database}`)
  const pools: Pool[] = []

  function connect() {
    const pool = createPool({ uri: server, database })
    pools.push(pool)
    return { pool, storage: mariadbStorage({ pool }) }
  }

  const { pool, storage } = connect()
  return {
    storage,
    reopen: async () => connect().storage,
    async transact(work) {
      const connection = await pool.getConnection()
      try {
        await connection.beginTransaction()
        await work(connection)
        await connection.commit()
      } catch (error) {
        await connection.rollback()
        throw error
      } finally {
        connection.release()
      }
    },
    readRaw: () => readRaw(admin, database),
    async close() {
      for (const each of pools) await each.end()
      await admin.query(`DROP DATABASE ${database}`)
      await admin.end()
    },
  }
}
