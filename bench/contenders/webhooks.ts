/** Ourselves, on any storage and with any scheduler: emit, fan-out, delivery, and all of it stored. */
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  type Scheduler,
  type Storage,
  type Telemetry,
} from '../../src/index.ts'
import { type Contender, concurrency, data, inBatches, type Place } from './contender.ts'

/** Enough endpoints that the cap of eight per endpoint leaves all slots usable. */
const endpointCount = 16
const names = Array.from({ length: endpointCount }, (_, n) => `bench.endpoint${n}`)
const events = defineEvents(
  Object.fromEntries(names.map((name) => [name, z.object({ text: z.string() })])),
)

export async function openWebhooks(
  { receiverUrl }: Place,
  parts: { storage: Storage; scheduler?: Scheduler; telemetry?: Telemetry },
  end: () => Promise<void> = async () => {},
): Promise<Contender> {
  const webhooks = createWebhooks({
    ...parts,
    events,
    limits: { inFlight: concurrency },
    addressGuard: { allow: ['127.0.0.0/8'] },
  })
  // Where several processes share a storage, the first one has made the endpoints.
  const { total } = await webhooks.endpoints.list({ limit: 1 })
  for (const name of total === 0 ? names : [])
    await webhooks.endpoints.create({ url: receiverUrl, events: [name] })
  return {
    async enqueue(count) {
      await inBatches(count, (size) =>
        webhooks.emitMany(
          Array.from({ length: size }, (_, n) => ({ type: names[n % endpointCount] ?? '', data })),
        ),
      )
    },
    async work() {
      await webhooks.start()
    },
    async close() {
      await webhooks.stop()
      await end()
    },
  }
}
