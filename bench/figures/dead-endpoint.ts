import { setTimeout as sleep } from 'node:timers/promises'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import type { ReceiverCalls } from '../receiver.ts'
import type { Peer } from '../rpc.ts'
import { median, quantile, ratios } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { Bench, MeasureFigure } from './figure.ts'
import { benchWebhooks, newData, warmPool } from './webhooks.ts'

const healthyEndpoints = 10
const tickMs = 10
/** Events of a tick for healthy endpoints: 300 a second, far from all that can be done. */
const healthyPerTick = 3
/** Three tenths of the traffic go to the dead endpoint. */
const deadPerTick = (healthyPerTick * 0.3) / 0.7

/** What an endpoint that never answers does to the others. */
export const measure: MeasureFigure = async (bench, receiver) => {
  const withDead: number[] = []
  const without: number[] = []
  for (let round = 0; round < bench.effort.rounds; round++) {
    without.push(await percentile(bench, receiver, false))
    withDead.push(await percentile(bench, receiver, true))
  }
  return [
    judge(
      'healthy endpoints beside a dead one with 30 % of the traffic, 99th percentile / without it',
      { atMost: 1.2 },
      median(ratios(withDead, without)),
    ),
  ]
}

/** The 99th percentile from `emit` to arrival at healthy endpoints, in milliseconds. */
async function percentile(
  { place, effort }: Bench,
  receiver: Peer<ReceiverCalls>,
  hasDead: boolean,
): Promise<number> {
  const pool = await warmPool(place, 10)
  const storage = postgresStorage({ pool, schema: place.namespace })
  const webhooks = benchWebhooks(storage, { stopGraceMs: 0 })
  try {
    for (let n = 0; n < healthyEndpoints; n++) {
      const url = `${place.receiverUrl}${n}`
      await webhooks.endpoints.create({ url, events: ['bench.event'], channels: [String(n)] })
    }
    await webhooks.endpoints.create({ url: `${place.receiverUrl}dead`, events: ['bench.other'] })
    await webhooks.start()
    const ticks = Math.round((effort.seconds * 2_000) / tickMs)
    const expected = ticks * healthyPerTick
    await receiver.call('expect', { count: expected, latencies: true })
    let deadOwed = 0
    const emits: Promise<unknown>[] = []
    const start = performance.now()
    for (let tick = 0; tick < ticks; tick++) {
      await sleep(Math.max(0, start + tick * tickMs - performance.now()))
      for (let n = 0; n < healthyPerTick; n++) {
        const channels = [String((tick * healthyPerTick + n) % healthyEndpoints)]
        emits.push(webhooks.emit('bench.event', newData(), { channels }))
      }
      if (!hasDead) continue
      for (deadOwed += deadPerTick; deadOwed >= 1; deadOwed--) {
        emits.push(webhooks.emit('bench.other', newData()))
      }
    }
    await Promise.all(emits)
    await receiver.call('received', undefined)
    return quantile(await receiver.call('latencies', undefined), 0.99)
  } finally {
    await webhooks.stop()
    await pool.query(`DROP SCHEMA ${place.namespace} CASCADE`)
    await pool.end()
  }
}
