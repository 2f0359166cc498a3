/**
 * `npm run bench:log-size`: what a delivery takes in the log, and how fast `prune` takes it away.
 * Writes bench/log-size.json, from which docs/scaling.md takes its numbers. Bytes do not depend on
 * the machine.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { createWebhooks, defineEvents, type Storage, type Transport } from '../src/index.ts'
import { postgresStorage } from '../src/storage/postgres/index.ts'
import { sqliteStorage } from '../src/storage/sqlite/index.ts'
import { data, inBatches } from './contenders/contender.ts'
import type { LogSize } from './scaling.ts'
import { type Postgres, startPostgres } from './servers/postgres.ts'
import { updateScaling } from './update-scaling.ts'

/** Events of about 1 KB, each to one endpoint that accepts it at once. */
const count = 20_000
const events = defineEvents({ 'bench.event': z.object({ text: z.string() }) })

/** Accepts everything, as a small receiver in Node does. */
const accepting: Transport = {
  send: async () => ({
    response: {
      status: 204,
      headers: { date: new Date().toUTCString(), connection: 'keep-alive' },
      body: '',
      bodyTruncated: false,
    },
    error: null,
  }),
  checkUrl: async () => {},
  close: async () => {},
}

function open(storage: Storage<never>) {
  return createWebhooks({ events, storage, transport: accepting })
}

async function fill(storage: Storage<never>): Promise<void> {
  const webhooks = open(storage)
  await webhooks.endpoints.create({ url: 'https://example.com/hooks', events: ['*'] })
  await inBatches(count, (size) =>
    webhooks.emitMany(Array.from({ length: size }, () => ({ type: 'bench.event', data }))),
  )
  await webhooks.drain({ deadline: new Date(Date.now() + 600_000) })
  await webhooks.stop()
}

/** Deliveries that `prune` deletes in a second, with their events and attempts. */
async function prunePerSecond(storage: Storage<never>): Promise<number> {
  const webhooks = open(storage)
  const start = performance.now()
  const { deliveries } = await webhooks.prune({ before: new Date(Date.now() + 60_000) })
  const seconds = (performance.now() - start) / 1000
  await webhooks.stop()
  if (deliveries !== count) throw new Error(`${deliveries} of ${count} were delivered and pruned`)
  return Math.round(deliveries / seconds)
}

async function measurePostgres({ pool }: Postgres): Promise<LogSize['postgres']> {
  const storage = () => postgresStorage({ pool, schema: 'log_size' })
  const written = async () =>
    Number((await pool.query("SELECT pg_current_wal_lsn() - '0/0' AS bytes")).rows[0].bytes)
  const before = await written()
  await fill(storage())
  const walBytes = Math.round(((await written()) - before) / count)
  await pool.query('VACUUM ANALYZE')
  const { rows } = await pool.query<{ name: string; bytes: string }>(`
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
      WHERE relnamespace = 'log_size'::regnamespace AND relkind = 'r'`)
  const sizes = new Map(rows.map(({ name, bytes }) => [name, Math.round(Number(bytes) / count)]))
  const of = (table: string) => sizes.get(table) ?? 0
  const [event, delivery, attempt] = [of('events'), of('deliveries'), of('attempts')]
  const total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
  return {
    event,
    delivery,
    attempt,
    other: total - event - delivery - attempt,
    walBytes,
    prunePerSecond: await prunePerSecond(storage()),
  }
}

async function measureSqlite(folder: string): Promise<LogSize['sqlite']> {
  const path = join(folder, 'log.db')
  await fill(sqliteStorage({ path }))
  const db = new DatabaseSync(path)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  const bytes = Math.round(statSync(path).size / count)
  return { bytes, prunePerSecond: await prunePerSecond(sqliteStorage({ path })) }
}

const folder = mkdtempSync(join(tmpdir(), 'webhooks-bench-'))
const postgres = await startPostgres()
try {
  const size: LogSize = {
    date: new Date().toISOString().slice(0, 10),
    payloadBytes: JSON.stringify(data).length,
    count,
    postgres: await measurePostgres(postgres),
    sqlite: await measureSqlite(folder),
  }
  console.log(size)
  writeFileSync(new URL('./log-size.json', import.meta.url), `${JSON.stringify(size, null, 2)}\n`)
  updateScaling()
} finally {
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}
