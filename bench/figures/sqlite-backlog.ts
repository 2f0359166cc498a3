import { join } from 'node:path'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { DeliveryRecord, Settlement, Storage } from '../../src/storage/storage.ts'
import { median } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'
import { Filler } from './fill.ts'
import { benchWebhooks } from './webhooks.ts'

const endpoints = 100
const small = 10_000
const claims = 100

/** Memory, and what a claim costs, while very many deliveries wait in a SQLite file. */
export const measure: MeasureFigure = async ({ place, effort }) => {
  const open = () => sqliteStorage({ path: join(place.folder, 'backlog.db') })
  const webhooks = benchWebhooks(open())
  const ids: string[] = []
  for (let n = 0; n < endpoints; n++) {
    const { id } = await webhooks.endpoints.create({ url: place.receiverUrl, events: ['*'] })
    ids.push(id)
  }
  await webhooks.stop()
  const storage: Storage = open()
  await storage.open()
  try {
    const filler = new Filler(storage, ids)
    await filler.add(small)
    const few = await claimMs(storage)
    await filler.add(effort.backlog - small)
    const many = await claimMs(storage)
    const residentMb = process.memoryUsage.rss() / 1024 / 1024
    const waiting = effort.backlog.toLocaleString('en')
    return [
      judge(`resident memory with ${waiting} waiting in SQLite`, { below: 250 }, residentMb, {
        unit: 'MB',
        digits: 0,
      }),
      judge(`claim with ${waiting} waiting in SQLite / with 10,000`, { atMost: 1.5 }, many / few),
    ]
  } finally {
    await storage.close()
  }
}

/** Median time of a claim of 64 deliveries, each of which succeeds before the next claim. */
async function claimMs(storage: Storage): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < claims; n++) {
    const now = new Date(Date.now() + 1_000)
    const leaseUntil = new Date(now.getTime() + 60_000)
    const params = { now, leaseToken: `${now.getTime()} ${n}`, leaseUntil, limit: 64 }
    const start = performance.now()
    const share = { perEndpoint: 8, inFlight: new Map<string, number>(), probeFrom: 10 }
    const { deliveries } = await storage.claimDeliveries({ ...params, ...share })
    times.push(performance.now() - start)
    if (deliveries.length !== 64) throw new Error(`A claim gave ${deliveries.length} deliveries`)
    const settlements = deliveries.map((delivery) => success(delivery, now))
    await storage.settleDeliveries({ now, settlements })
  }
  return median(times)
}

function success(delivery: DeliveryRecord, now: Date): Settlement {
  const { id, tenantId, eventId, endpointId, leaseToken } = delivery
  return {
    id,
    leaseToken: leaseToken ?? '',
    attempt: {
      ...{ id: `att${id.slice(3)}`, tenantId, deliveryId: id, eventId, endpointId, number: 1 },
      ...{ startedAt: now, durationMs: 1, succeeded: true, url: 'http://127.0.0.1/', error: null },
      requestHeaders: {},
      response: { status: 204, headers: {}, body: '', bodyTruncated: false },
    },
    status: 'succeeded',
    ...{ dueAt: null, attempts: 1, step: 0, faults: 0, responseStatus: 204, lastError: null },
    ...{ cancelReason: null, completedAt: now },
  }
}
