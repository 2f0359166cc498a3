import { randomUUID } from 'node:crypto'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { median, ratios } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'
import { benchWebhooks, newData, warmPool } from './webhooks.ts'

const callsPerBlock = 50
const blocksPerRound = 8

/** `emit`, one after another, against the INSERT of one row of the same size. */
export const measure: MeasureFigure = async ({ place, effort }) => {
  const pool = await warmPool(place, 2)
  const webhooks = benchWebhooks(postgresStorage({ pool, schema: place.namespace }))
  try {
    await webhooks.emit('bench.event', newData())
    const table = `${place.namespace}.plain_rows`
    await pool.query(
      `CREATE TABLE ${table} (id text PRIMARY KEY, type text, created_at timestamptz, body text)`,
    )
    const insert = () =>
      pool.query({
        name: 'plain insert',
        text: `INSERT INTO ${table} VALUES ($1, $2, $3, $4)`,
        values: [randomUUID(), 'bench.event', new Date(), JSON.stringify(newData())],
      })
    const emits: number[] = []
    const inserts: number[] = []
    for (let block = 0; block < effort.rounds * blocksPerRound; block++) {
      emits.push(await timeOf(() => webhooks.emit('bench.event', newData())))
      inserts.push(await timeOf(insert))
    }
    return [
      judge(
        '`emit` one after another on Postgres / INSERT of one row',
        { atMost: 1.3 },
        median(ratios(emits, inserts)),
      ),
    ]
  } finally {
    await webhooks.stop()
    await pool.end()
  }
}

async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let n = 0; n < callsPerBlock; n++) await call()
  return performance.now() - start
}
