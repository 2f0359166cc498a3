import { join } from 'node:path'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  pollingScheduler,
  type Random,
  type Transport,
} from '../../src/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { data, type Place } from '../contenders/contender.ts'
import { MemoryTrack, type SoakResult } from './memory-track.ts'

const events = defineEvents({ 'bench.event': z.object({ text: z.string() }) })
const minuteMs = 60_000
const virtualMinutes = 24 * 60
const endpoints = 50
const eventsPerBatch = 20
/** Of virtual time; what ended before that is pruned. */
const keptMs = 30 * minuteMs

/** A day of the engine on SQLite under a clock that is moved as fast as this machine can follow. */
export async function soakVirtual(
  { folder }: Place,
  { durationMs }: { durationMs: number },
): Promise<SoakResult> {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const random = seededRandom(1)
  const webhooks = createWebhooks({
    events,
    storage: sqliteStorage({ path: join(folder, 'soak.db') }),
    scheduler: pollingScheduler({ intervalMs: minuteMs }),
    transport: faultyNetwork(clock, random),
    clock,
    random,
  })
  let deliveries = 0
  webhooks.on('delivery.succeeded', () => {
    deliveries++
  })
  for (let n = 0; n < endpoints; n++) {
    const url = `https://receiver${n}.example/`
    await webhooks.endpoints.create({ url, events: ['*'], channels: [String(n)] })
  }
  await webhooks.start()
  const memory = new MemoryTrack(durationMs)
  const start = performance.now()
  let emitted = 0
  for (let minute = 0; minute < virtualMinutes; minute++) {
    const until = start + (durationMs * (minute + 1)) / virtualMinutes
    const minuteEnds = clock.now().getTime() + minuteMs
    // Work for as long as the minute is to last here, a second of virtual time after another.
    for (let second = 0; second < 59 && performance.now() < until; second++) {
      for (let n = 0; n < eventsPerBatch; n++, emitted++) {
        const emit = webhooks.emit('bench.event', data, { channels: [String(emitted % endpoints)] })
        await Promise.all([emit, clock.settle()])
      }
      await clock.advance(1_000)
    }
    await clock.advance(minuteEnds - clock.now().getTime())
    if (minute % 10 === 0) {
      await webhooks.prune({ before: new Date(clock.now().getTime() - keptMs) })
    }
  }
  const seen = memory.end()
  await Promise.all([webhooks.stop(), clock.advance(minuteMs)])
  return { events: emitted, deliveries, memory: seen }
}

/** One of twenty requests fails, and each takes a while. */
function faultyNetwork(clock: VirtualClock, random: Random): Transport {
  return {
    async send() {
      const isGood = random.next() > 0.05
      await new Promise<void>((resolve) => clock.setTimer(resolve, 20 + random.next() * 200))
      return {
        response: { status: isGood ? 200 : 500, headers: {}, body: 'ok', bodyTruncated: false },
        error: null,
      }
    },
    checkUrl: async () => {},
    close: async () => {},
  }
}
