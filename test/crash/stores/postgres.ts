import pg from 'pg'
import { type PostgresTransaction, postgresStorage } from '../../../src/storage/postgres/index.ts'
import { startPostgres } from '../../storage/postgres-server.ts'
import { type CrashStore, watchMethod } from './store.ts'

/** Where a database is: a schema of ours, and a table of the host's in another. */
interface Location {
  connectionString: string
  schema: string
  hostTable: string
}

/** A schema for each database, on one server. */
export const postgres: CrashStore = {
  async start() {
    const server = await startPostgres(['-c', 'max_connections=400'])
    const pool = server.pool({ max: 1 })
    return {
      async create() {
        const schema = server.newSchema()
        const hostTable = `${schema}_host.changes`
        await pool.query(`CREATE SCHEMA ${schema}_host`)
        await pool.query(`CREATE TABLE ${hostTable} (key text PRIMARY KEY)`)
        const { connectionString } = server
        return JSON.stringify({ connectionString, schema, hostTable } satisfies Location)
      },
      restart: server.restart,
      stop: () => server.stop(),
    }
  },

  async connect(location) {
    const { connectionString, schema, hostTable } = JSON.parse(location) as Location
    const pool = new pg.Pool({ connectionString, max: 4, connectionTimeoutMillis: 10_000 })
    // What ends an idle connection is found out by the next statement.
    pool.on('error', () => {})
    return {
      storage: postgresStorage({ pool, schema }),
      async transact(key, work, end) {
        const client = await pool.connect()
        // A server that dies tells the statement under way as well.
        client.on('error', () => {})
        let isBroken = true
        try {
          await client.query('BEGIN')
          await client.query(`INSERT INTO ${hostTable} (key) VALUES ($1)`, [key])
          await work(client satisfies PostgresTransaction)
          await client.query(end === 'commit' ? 'COMMIT' : 'ROLLBACK')
          isBroken = false
        } finally {
          client.release(isBroken)
        }
      },
      async hostKeys() {
        const { rows } = await pool.query<{ key: string }>(`SELECT key FROM ${hostTable}`)
        return new Set(rows.map((row) => row.key))
      },
      close: () => pool.end(),
    }
  },

  watchStatements(listener) {
    watchMethod(pg.Client.prototype as pg.Client & Record<'query', unknown>, 'query', listener)
  },
}
