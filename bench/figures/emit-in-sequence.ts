import { randomUUID } from 'node:crypto'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { median, ratios } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'
import { benchWebhooks, newData, warmPool } from './webhooks.ts'

const callsPerBlock = 50
const blocksPerRound = 8
/** Of both, before they are measured: the code of a process that has been at work for a while. */
const blocksThatWarmUp = 60

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
    const emit = () => webhooks.emit('bench.event', newData())
    const emits: number[] = []
    const inserts: number[] = []
    for (let block = -blocksThatWarmUp; block < effort.rounds * blocksPerRound; block++) {
      const [emitted, inserted] = [await timeOf(emit), await timeOf(insert)]
      if (block < 0) continue
      emits.push(emitted)
      inserts.push(inserted)
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
