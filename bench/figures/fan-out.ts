import { setTimeout as sleep } from 'node:timers/promises'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { monotonicMs } from '../clock.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'
import { benchWebhooks, newData, warmPool } from './webhooks.ts'

const endpoints = 10_000
const warmUps = 500

/** One event to very many endpoints. */
export const measure: MeasureFigure = async ({ place }, receiver) => {
  const pool = await warmPool(place, 10)
  const webhooks = benchWebhooks(postgresStorage({ pool, schema: place.namespace }))
  try {
    const create = (n: number, type: 'bench.event' | 'bench.other') =>
      webhooks.endpoints.create({ url: `${place.receiverUrl}${type}/${n}`, events: [type] })
    for (let n = 0; n < 16; n++) await create(n, 'bench.other')
    for (let n = 0; n < endpoints; n += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, m) => create(n + m, 'bench.event')))
    }
    await webhooks.start()
    await receiver.call('expect', { count: warmUps * 16 })
    for (let n = 0; n < warmUps; n++) await webhooks.emit('bench.other', newData())
    await receiver.call('received', undefined)
    await sleep(500)

    await receiver.call('expect', { count: endpoints })
    const memory = watchMemory()
    const sentAtMs = monotonicMs()
    await webhooks.emit('bench.event', newData())
    await receiver.call('received', undefined)
    const grownMb = memory.end()
    const { firstAtMs } = await receiver.call('count', undefined)
    const what = 'one event to 10,000 endpoints on Postgres'
    return [
      judge(`${what}, first arrival after`, { below: 50 }, firstAtMs - sentAtMs, {
        unit: 'ms',
        digits: 0,
      }),
      judge(`${what}, memory grows by`, { below: 64 }, grownMb, { unit: 'MB', digits: 0 }),
    ]
  } finally {
    await webhooks.stop()
    await pool.end()
  }
}

/** How much more than now the process takes at its peak, in MiB. */
function watchMemory(): { end(): number } {
  const before = process.memoryUsage.rss()
  let peak = before
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 10)
  return {
    end() {
      clearInterval(timer)
      look()
      return (peak - before) / 1024 / 1024
    },
  }
}
