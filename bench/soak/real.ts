import { setTimeout as sleep } from 'node:timers/promises'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import type { Place } from '../contenders/contender.ts'
import { benchWebhooks, newData, warmPool } from '../figures/webhooks.ts'
import { MemoryTrack, type SoakResult } from './memory-track.ts'

const endpoints = 16
const tickMs = 50
/** What is older than this is pruned, so that the database is in a steady state within a minute. */
const keptMs = 15_000

/** Half of the load that this machine can bear, on Postgres and over real sockets. */
export async function soakReal(
  place: Place,
  { durationMs, perSecond }: { durationMs: number; perSecond: number },
): Promise<SoakResult> {
  const pool = await warmPool(place, 10)
  const webhooks = benchWebhooks(postgresStorage({ pool, schema: place.namespace }))
  let deliveries = 0
  webhooks.on('delivery.succeeded', () => {
    deliveries++
  })
  try {
    for (let n = 0; n < endpoints; n++) {
      const url = `${place.receiverUrl}${n}`
      await webhooks.endpoints.create({ url, events: ['bench.event'], channels: [String(n)] })
    }
    await webhooks.start()
    const memory = new MemoryTrack(durationMs)
    const start = performance.now()
    let events = 0
    let pruned = start
    // Beside the load, as a host would: a load that waits for it comes in bursts.
    let pruning = Promise.resolve()
    for (let now = start; now < start + durationMs; now = performance.now()) {
      const due = Math.floor(((now - start) / 1000) * perSecond)
      const emits: Promise<unknown>[] = []
      for (; events < due; events++) {
        const channels = [String(events % endpoints)]
        emits.push(webhooks.emit('bench.event', newData(), { channels }))
      }
      await Promise.all(emits)
      if (now - pruned > keptMs) {
        pruned = now
        const before = new Date(Date.now() - keptMs)
        pruning = pruning.then(async () => void (await webhooks.prune({ before })))
      }
      await sleep(tickMs)
    }
    await pruning
    return { events, deliveries, memory: memory.end() }
  } finally {
    await webhooks.stop()
    await pool.end()
  }
}
