import type pg from 'pg'
import { type PostgresTransaction, postgresStorage } from '../../src/storage/postgres/index.ts'
import type { StorageFixture } from '../../src/testing/storage-suite/index.ts'
import type { PostgresServer } from './postgres-server.ts'

/** Schemas that were made by a test before, by server: to empty one is a tenth of making one. */
const used = new WeakMap<PostgresServer, string>()

/** A storage for one test of the suite, on a pool that ends with it. Tests take turns. */
export async function createPostgresFixture(
  server: PostgresServer,
  { pool, listen }: { pool: pg.Pool; listen: boolean },
): Promise<StorageFixture<PostgresTransaction>> {
  const schema = used.get(server) ?? server.newSchema()
  if (used.has(server)) await empty(pool, schema)
  used.set(server, schema)
  return {
    storage: postgresStorage({ pool, schema, listen }),
    reopen: async () => postgresStorage({ pool, schema, listen }),
    transact: (work) => transact(pool, work),
    close: () => pool.end(),
  }
}

async function empty(pool: pg.Pool, schema: string): Promise<void> {
  const { rows } = await pool.query<{ sql: string }>(
    `SELECT CASE relkind WHEN 'S' THEN 'ALTER SEQUENCE ' || oid::regclass || ' RESTART'
          ELSE 'TRUNCATE ' || oid::regclass END AS sql
      FROM pg_class WHERE relnamespace = '"${schema}"'::regnamespace AND relkind IN ('r', 'S')
        AND relname <> 'migrations'`,
  )
  await pool.query(rows.map(({ sql }) => sql).join(';'))
}

/** Runs `work` in a transaction of the host. */
export async function transact(
  pool: pg.Pool,
  work: (transaction: pg.PoolClient) => Promise<void>,
): Promise<void> {
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
}
