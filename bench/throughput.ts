import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  memoryStorage,
  type Storage,
  sign,
  type Telemetry,
} from '../src/index.ts'
import { sqliteStorage } from '../src/storage/sqlite/index.ts'
import { measure, type Receiver, type Sample } from './harness.ts'

const concurrency = 64
/** Enough endpoints that the cap of eight per endpoint leaves all slots usable. */
const endpointCount = 16
/** What every body carries: about 1 KB in all. */
const data = { text: 'x'.repeat(920) }

const names = Array.from({ length: endpointCount }, (_, n) => `bench.endpoint${n}`)
const events = defineEvents(
  Object.fromEntries(names.map((name) => [name, z.object({ text: z.string() })])),
)

/** Signs and POSTs the same bodies with nothing else around: what cannot be beaten. */
export async function floor(receiver: Receiver, count: number): Promise<Sample> {
  const pool = new Pool(new URL(receiver.url).origin, { connections: concurrency })
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const body = JSON.stringify({ type: names[0], timestamp: new Date().toISOString(), data })
  let sent = 0
  async function sender(): Promise<void> {
    while (sent < count) {
      const id = `evt_${sent++}`
      const timestamp = new Date()
      const answer = await pool.request({
        path: '/',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
          'webhook-signature': sign({ id, timestamp, body, secrets: [secret] }),
        },
        body,
      })
      await answer.body.dump()
    }
  }
  const { done } = await receiver.expect(count)
  const sample = await measure(count, async () => {
    await Promise.all(Array.from({ length: concurrency }, sender))
    await done
  })
  await pool.close()
  return sample
}

/** From the first emit to the last request received, everything stored and signed on the way. */
export async function endToEnd(
  receiver: Receiver,
  count: number,
  storage: Storage,
  telemetry?: Telemetry,
): Promise<Sample> {
  const webhooks = createWebhooks({
    events,
    storage,
    telemetry,
    limits: { inFlight: concurrency },
    addressGuard: { allow: ['127.0.0.0/8'] },
  })
  for (const name of names) await webhooks.endpoints.create({ url: receiver.url, events: [name] })
  await webhooks.start()
  const { done } = await receiver.expect(count)
  const sample = await measure(count, async () => {
    for (let emitted = 0; emitted < count; emitted += 500) {
      const batch = Math.min(500, count - emitted)
      await Promise.all(
        Array.from({ length: batch }, (_, n) =>
          webhooks.emit(names[n % endpointCount] ?? '', data),
        ),
      )
    }
    await done
  })
  await webhooks.stop()
  return sample
}

export function memory(receiver: Receiver, count: number): Promise<Sample> {
  return endToEnd(receiver, count, memoryStorage())
}

export async function sqlite(receiver: Receiver, count: number): Promise<Sample> {
  const path = temporaryDatabase()
  try {
    return await endToEnd(receiver, count, sqliteStorage({ path }) as Storage)
  } finally {
    removeDatabase(path)
  }
}

export function temporaryDatabase(): string {
  return join(tmpdir(), `webhooks-bench-${process.pid}-${Date.now()}.db`)
}

export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
}
