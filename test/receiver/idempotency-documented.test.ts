/** The store that docs/receiving.md shows, on a real Postgres; and the shipped one beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type IdempotencyStore, memoryIdempotency } from '../../src/receiver/index.ts'
import { readDocument, samplesOf } from '../docs/markdown.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'
import { testIdempotencyStore } from './idempotency-contract.ts'

let server: PostgresServer
let folder: string
let documented: () => IdempotencyStore

beforeAll(async () => {
  server = await startPostgres()
  const sample = samplesOf(readDocument('docs/receiving.md')).find(({ code }) =>
    code.includes('function postgresIdempotency'),
  )
  folder = mkdtempSync(join(tmpdir(), 'webhooks-idempotency-'))
  const file = join(folder, 'sample.ts')
  writeFileSync(file, sample?.code ?? '')
  const [, table = ''] = /\/\*\* (CREATE TABLE .*) \*\//.exec(sample?.code ?? '') ?? []
  const schema = server.newSchema()
  const pool = server.pool({ options: `-c search_path=${schema}` })
  await pool.query(`CREATE SCHEMA ${schema}`)
  await pool.query(table)
  const { postgresIdempotency } = await import(file)
  documented = () => postgresIdempotency(pool)
}, 60_000)

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server?.stop()
})

testIdempotencyStore('the store of docs/receiving.md, on Postgres', () => documented())
testIdempotencyStore('memoryIdempotency', () => memoryIdempotency())
