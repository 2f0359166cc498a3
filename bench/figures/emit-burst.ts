import { join } from 'node:path'
import type { Storage } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'
import { benchWebhooks, newData, warmPool } from './webhooks.ts'

const count = 10_000

/** How long the slowest of many emits takes that are made at once. */
export const measure: MeasureFigure = async ({ place }) => {
  const pool = await warmPool(place, 20)
  try {
    const onSqlite = await slowest(sqliteStorage({ path: join(place.folder, 'burst.db') }))
    const onPostgres = await slowest(postgresStorage({ pool, schema: place.namespace }))
    const ms = { unit: 'ms', digits: 0 }
    const what = '10,000 calls of `emit` at once'
    return [
      judge(`${what} on SQLite, the slowest`, { below: 1000 }, onSqlite, ms),
      judge(`${what} on Postgres, 20 connections, the slowest`, { below: 600 }, onPostgres, ms),
    ]
  } finally {
    await pool.end()
  }
}

async function slowest(storage: Storage): Promise<number> {
  const webhooks = benchWebhooks(storage)
  for (let n = 0; n < 300; n++) await webhooks.emit('bench.event', newData())
  const start = performance.now()
  const times = await Promise.all(
    Array.from({ length: count }, async () => {
      await webhooks.emit('bench.event', newData())
      return performance.now() - start
    }),
  )
  await webhooks.stop()
  return Math.max(...times)
}
