import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresSchemaSql, postgresStorage } from '../../src/storage/postgres/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'
import { createPostgresFixture } from './postgres-fixture.ts'
import { findOldestPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'

/** The oldest server that is supported. All other tests run on the newest one. */

const howToInstall = 'Postgres 13 is not installed: npm run postgres:13'
const binaries = await findOldestPostgres()
if (binaries === null) console.warn(`Postgres 13 is NOT TESTED here, for ${howToInstall}`)

test.runIf(binaries === null && process.env.CI === 'true')('CI tests Postgres 13', () => {
  expect.unreachable(howToInstall)
})

describe.skipIf(binaries === null)('on Postgres 13', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres([], binaries ?? undefined)
  }, 60_000)
  afterAll(() => server?.stop(), 60_000)

  // Large batches and random sequences are the same SQL once more: a few of them will do.
  testStorage({
    ...{ describe, test, batchSize: 500, randomRuns: 2 },
    capabilities: { reopen: true, transactions: true, onWork: true, loneSurrogates: true },
    createStorage: () => createPostgresFixture(server, { pool: server.pool(), listen: true }),
  })

  test('the server is what it is taken for, and runs the SQL that is printed', async () => {
    const pool = server.pool()
    const { rows } = await pool.query('SHOW server_version')
    expect(rows[0].server_version).toMatch(/^13\./)
    const schema = server.newSchema()
    await pool.query(postgresSchemaSql({ schema }))
    await postgresStorage({ pool, schema, migrate: false }).open()
  })
})
