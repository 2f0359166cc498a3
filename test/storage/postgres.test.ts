import type pg from 'pg'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { type PostgresTransaction, postgresStorage } from '../../src/storage/postgres/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'
import { readRawPostgres } from './raw-postgres.ts'

// Ten thousand rows through every step take a loaded machine longer than other tests may.
vi.setConfig({ testTimeout: 90_000 })

describe('postgresStorage', () => {
  let server: PostgresServer
  let reader: pg.Pool

  beforeAll(async () => {
    server = await startPostgres()
    reader = server.pool({ max: 1 })
  }, 60_000)
  afterAll(() => server?.stop())

  testStorage<PostgresTransaction>({
    describe,
    test,
    capabilities: {
      reopen: true,
      transactions: true,
      readRaw: true,
      onWork: true,
      loneSurrogates: true,
    },
    createStorage() {
      const schema = server.newSchema()
      const pool = server.pool()
      const pools = [pool]
      return {
        storage: postgresStorage({ pool, schema }),
        async reopen() {
          const other = server.pool()
          pools.push(other)
          return postgresStorage({ pool: other, schema })
        },
        async transact(work) {
          const client = await pool.connect()
          try {
            await client.query('BEGIN')
            await work(client)
            await client.query('COMMIT')
          } catch (error) {
            await client.query('ROLLBACK')
            throw error
          } finally {
            client.release()
          }
        },
        readRaw: () => readRawPostgres(reader, schema),
        async close() {
          await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
          for (const each of pools) await each.end()
        },
      }
    },
  })
})
