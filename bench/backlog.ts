/**
 * Fills a SQLite file with waiting deliveries, and measures what a claim costs then and how much
 * memory the process takes. Run as a process of its own: `node bench/backlog.ts COUNT`.
 */
import { sqliteStorage } from '../src/storage/sqlite/index.ts'
import type { NewDelivery, NewEvent, Storage } from '../src/storage/storage.ts'
import { median } from './harness.ts'
import { removeDatabase, temporaryDatabase } from './throughput.ts'

/** What one run prints, as JSON. */
export interface BacklogSample {
  waiting: number
  /** Median time of a claim of 64 deliveries, in milliseconds. */
  claimMs: number
  residentMb: number
}

const tenantId = 'default'
const endpointCount = 100
const perWrite = 1_000
const claims = 100
const body = JSON.stringify({ type: 'bench.event', data: { text: 'x'.repeat(940) } })

async function fill(storage: Storage, count: number): Promise<void> {
  const now = new Date()
  for (let n = 0; n < endpointCount; n++)
    await storage.insertEndpoint({ endpoint: endpoint(n, now) })
  // One event for all endpoints: deliveries are what is to wait here.
  for (let first = 0; first < count; first += perWrite) {
    const events: NewEvent[] = []
    for (let n = first; n < first + perWrite; n += endpointCount) events.push(event(n, now))
    await storage.insertEvents({ events })
    const leaseToken = `lease_${first}`
    const leaseUntil = new Date(now.getTime() + 60_000)
    const claimed = await storage.claimEvents({ now, leaseToken, leaseUntil, limit: perWrite })
    const results = claimed.map(({ id }) => ({
      eventId: id,
      done: true,
      deliveries: Array.from({ length: endpointCount }, (_, n) => delivery(id, n, now)),
    }))
    await storage.fanOut({ now, leaseToken, results })
  }
}

async function run(count: number): Promise<BacklogSample> {
  const path = temporaryDatabase()
  const storage = sqliteStorage({ path }) as Storage
  try {
    await storage.open()
    await fill(storage, count)
    const times: number[] = []
    for (let n = 0; n < claims; n++) {
      const now = new Date(Date.now() + 1_000)
      const leaseUntil = new Date(now.getTime() + 60_000)
      const params = { now, leaseToken: `claim_${n}`, leaseUntil, limit: 64, perEndpoint: 8 }
      const start = performance.now()
      const { deliveries } = await storage.claimDeliveries({ ...params, inFlight: new Map() })
      times.push(performance.now() - start)
      if (deliveries.length !== 64) throw new Error(`A claim gave ${deliveries.length} deliveries`)
    }
    const residentMb = process.memoryUsage().rss / 1024 / 1024
    return { waiting: count, claimMs: median(times), residentMb }
  } finally {
    await storage.close()
    removeDatabase(path)
  }
}

function endpoint(
  n: number,
  createdAt: Date,
): Parameters<Storage['insertEndpoint']>[0]['endpoint'] {
  return {
    id: `ep_${String(n).padStart(4, '0')}`,
    tenantId,
    url: 'https://receiver.example/',
    description: '',
    events: ['*'],
    channels: [],
    filter: null,
    headers: {},
    secrets: [],
    rateLimit: null,
    retry: null,
    metadata: {},
    active: true,
    disabledAt: null,
    disabledReason: null,
    createdAt,
  }
}

function event(n: number, createdAt: Date): NewEvent {
  const id = `evt_${String(n).padStart(9, '0')}`
  const type = 'bench.event'
  const nothing = { channels: [], idempotencyKey: null, traceparent: null }
  return { id, tenantId, type, body, ...nothing, createdAt, fanOut: true }
}

function delivery(eventId: string, n: number, createdAt: Date): NewDelivery {
  const endpointId = `ep_${String(n).padStart(4, '0')}`
  return {
    id: `dlv_${eventId.slice(4)}${String(n).padStart(4, '0')}`,
    tenantId,
    eventId,
    endpointId,
    eventType: 'bench.event',
    status: 'pending',
    cancelReason: null,
    dueAt: createdAt,
    createdAt,
  }
}

if (process.argv[2]) console.log(JSON.stringify(await run(Number(process.argv[2]))))
