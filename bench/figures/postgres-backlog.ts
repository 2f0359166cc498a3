import type pg from 'pg'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import type { ReceiverCalls } from '../receiver.ts'
import type { Peer } from '../rpc.ts'
import { cpuTimeOf } from '../servers/cpu-time.ts'
import { median, ratios } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { Bench, MeasureFigure } from './figure.ts'
import { Filler } from './fill.ts'
import { benchWebhooks, warmPool } from './webhooks.ts'

const endpoints = 100

/** A schema in which so many deliveries wait. */
interface Backlog {
  schema: string
  size: number
  waiting: number
  filler: Filler
}

interface Measured {
  perSecond: number
  /** CPU time of this process and of the server, per delivery. */
  cost: number
}

/** Whether deliveries cost more, and come more slowly, the more of them wait. */
export const measure: MeasureFigure = async (bench, receiver) => {
  const pool = await warmPool(bench.place, 10)
  const backlogs: Backlog[] = []
  try {
    for (const size of [1_000, 10_000, bench.effort.backlog]) {
      backlogs.push(await newBacklog(bench, pool, size))
    }
    const [tiny, small, large] = backlogs as [Backlog, Backlog, Backlog]
    const samples = { tiny: [] as Measured[], small: [] as Measured[] }
    const largeSamples = { asTiny: [] as Measured[], asSmall: [] as Measured[] }
    // The first round warms up.
    for (let round = -1; round < bench.effort.rounds; round++) {
      for (const [backlog, count, into] of [
        [tiny, 900, samples.tiny],
        [large, 900, largeSamples.asTiny],
        [small, 5_000, samples.small],
        [large, 5_000, largeSamples.asSmall],
      ] as const) {
        const measured = await deliver(bench, { pool, receiver, backlog, count })
        if (round >= 0) into.push(measured)
      }
    }
    const costs = (of: Measured[]) => of.map(({ cost }) => cost)
    const rates = (of: Measured[]) => of.map(({ perSecond }) => perSecond)
    const waiting = bench.effort.backlog.toLocaleString('en')
    return [
      judge(
        `Postgres, deliveries per second with ${waiting} waiting / with 10,000`,
        { atLeast: 0.8 },
        median(ratios(rates(largeSamples.asSmall), rates(samples.small))),
      ),
      judge(
        `Postgres, CPU time per delivery with ${waiting} waiting / with 1,000`,
        { atMost: 1.2 },
        median(ratios(costs(largeSamples.asTiny), costs(samples.tiny))),
      ),
    ]
  } finally {
    for (const { schema } of backlogs) await pool.query(`DROP SCHEMA ${schema} CASCADE`)
    await pool.end()
  }
}

async function newBacklog({ place }: Bench, pool: pg.Pool, size: number): Promise<Backlog> {
  const schema = `${place.namespace}_${size}`
  const storage = postgresStorage({ pool, schema })
  const webhooks = benchWebhooks(storage)
  const ids: string[] = []
  for (let n = 0; n < endpoints; n++) {
    const { id } = await webhooks.endpoints.create({ url: place.receiverUrl, events: ['*'] })
    ids.push(id)
  }
  return { schema, size, waiting: 0, filler: new Filler(storage, ids) }
}

/** Lets a worker deliver so many of those that wait. */
async function deliver(
  { postgresPid }: Bench,
  run: { pool: pg.Pool; receiver: Peer<ReceiverCalls>; backlog: Backlog; count: number },
): Promise<Measured> {
  const { pool, receiver, backlog, count } = run
  // What is missing, in whole events for all endpoints; the large one is nowhere near its end.
  const missing = Math.floor((backlog.size - backlog.waiting) / endpoints) * endpoints
  if (backlog.waiting < backlog.size / 2 || backlog.size <= 10_000) {
    await backlog.filler.add(missing)
    backlog.waiting += missing
    await pool.query(`ANALYZE`)
    await pool.query('CHECKPOINT')
  }
  const webhooks = benchWebhooks(postgresStorage({ pool, schema: backlog.schema }))
  await webhooks.events.list({ limit: 1 })
  await receiver.call('expect', { count })
  const before = cpuMicros(postgresPid)
  const start = performance.now()
  await webhooks.start()
  await receiver.call('received', undefined)
  const seconds = (performance.now() - start) / 1000
  await webhooks.stop()
  const { requests } = await receiver.call('count', undefined)
  backlog.waiting -= requests
  return { perSecond: count / seconds, cost: (cpuMicros(postgresPid) - before) / requests }
}

function cpuMicros(serverPid: number): number {
  const { user, system } = process.cpuUsage()
  return user + system + (cpuTimeOf(serverPid) ?? 0)
}
