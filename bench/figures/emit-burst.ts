import { join } from 'node:path'
import pg from 'pg'
import * as z from 'zod'
import { createWebhooks, defineEvents, type Storage } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { data } from '../contenders/contender.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'

const events = defineEvents({ 'bench.event': z.object({ text: z.string() }) })
const count = 10_000

/** How long the slowest of many emits takes that are made at once. */
export const measure: MeasureFigure = async ({ place }) => {
  const path = join(place.folder, 'burst.db')
  const pool = new pg.Pool({ connectionString: place.databaseUrl, max: 20 })
  try {
    // Connections that a process at work has long made.
    await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT pg_sleep(0.05)')))
    const onSqlite = await slowest(sqliteStorage({ path }))
    const onPostgres = await slowest(postgresStorage({ pool, schema: place.namespace }))
    const ms = { unit: 'ms', digits: 0 }
    return [
      judge('10,000 calls of `emit` at once on SQLite, the slowest', { below: 1000 }, onSqlite, ms),
      judge(
        '10,000 calls of `emit` at once on Postgres, 20 connections, the slowest',
        { below: 600 },
        onPostgres,
        ms,
      ),
    ]
  } finally {
    await pool.end()
  }
}

async function slowest(storage: Storage): Promise<number> {
  const webhooks = createWebhooks({ events, storage })
  for (let n = 0; n < 200; n++) await webhooks.emit('bench.event', data)
  const start = performance.now()
  const times = await Promise.all(
    Array.from({ length: count }, async () => {
      await webhooks.emit('bench.event', data)
      return performance.now() - start
    }),
  )
  await webhooks.stop()
  return Math.max(...times)
}
