import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { afterEach, expect, test, vi } from 'vitest'
import type { Storage } from '../../../src/storage/storage.ts'
import {
  addDeliveries,
  after,
  claim,
  newDelivery,
  newEndpoint,
  newEvent,
  newId,
  openStorage,
  start,
  temporaryFile,
} from './fixtures.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Collects every statement that is prepared from now on. */
function collectStatements(): Set<string> {
  const collected = new Set<string>()
  const prepare = DatabaseSync.prototype.prepare
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (
    this: DatabaseSync,
    sql: string,
  ) {
    collected.add(sql)
    return prepare.call(this, sql)
  })
  return collected
}

/** Steps that read more than they look for, each with the reason why that is bounded. */
const allowed: { step: RegExp; why: string }[] = [
  { step: /^SCAN (CONSTANT ROW|sqlite_schema|pragma_database_list)/, why: 'no table of rows' },
  { step: /^SCAN sqlite_sequence$/, why: 'one row per table with positions' },
  { step: /^SCAN webhooks_event_leases$/, why: 'as many rows as workers hold events' },
  {
    step: /^SCAN (webhooks_kept_events|kept|kept_id VIRTUAL TABLE.*)$/,
    why: 'as many events as workers have in their hands',
  },
  { step: /^SCAN webhooks_delivery_leases$/, why: 'as many rows as workers hold deliveries' },
  {
    step: /^SCAN webhooks_tenants USING COVERING INDEX webhooks_tenants_ready$/,
    why: 'a walk in the order of readiness that ends at the first that is too late',
  },
  {
    step: /^SCAN webhooks_events USING INDEX webhooks_events_waiting$/,
    why: 'ends at the first event that nobody holds',
  },
]

/** Statements that sort, each with the reason why what they sort is bounded. */
const mayCollect: { sql: RegExp; why: string }[] = [
  { sql: /webhooks_deliveries_by_event/, why: 'one event has a delivery per endpoint at most' },
  { sql: /GROUP BY succeeded, duration_ms/, why: 'one group per millisecond of the timeout' },
]

test('no statement reads a table through or sorts what it found', async () => {
  const path = temporaryFile()
  const statements = collectStatements()
  const storage = await openStorage({ path })
  await exercise(storage)
  vi.restoreAllMocks()
  expect(statements.size).toBeGreaterThan(60)

  const connection = new DatabaseSync(path)
  const found = [...statements].flatMap((sql) => {
    const steps = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all()
    return steps
      .map(({ detail }) => String(detail))
      .filter((step) => isScan(step) || isSort(step, sql))
      .map((step) => `${step}: ${sql}`)
  })
  connection.close()
  expect(found).toEqual([])
})

function isScan(step: string): boolean {
  return step.startsWith('SCAN') && !allowed.some((exception) => exception.step.test(step))
}

function isSort(step: string, sql: string): boolean {
  return step.includes('TEMP B-TREE') && !mayCollect.some((exception) => exception.sql.test(sql))
}

/** Calls every method, and every list with every combination of its filters. */
async function exercise(storage: Storage<DatabaseSync>): Promise<void> {
  const tenantId = 'tenant'
  const endpoint = newEndpoint({ rateLimit: { limit: 5, intervalMs: 1_000 } })
  await storage.insertEndpoint({ endpoint })
  const spare = newEndpoint()
  await storage.insertEndpoint({ endpoint: spare })
  const event = newEvent({ idempotencyKey: 'key' })
  await storage.insertEvents({ events: [event, newEvent({ idempotencyKey: 'key' })] })
  await storage.insertEvents({ events: [event, newEvent({ tenantId: 'other' })] })
  await storage.getEvents({ tenantId, ids: [event.id] })

  const leaseUntil = after(60_000)
  const now = after(1)
  const claimEvents = { now, leaseToken: 'one', leaseUntil, limit: 1 }
  const [first] = await storage.claimEvents(claimEvents)
  await storage.releaseEvents({ now, leases: [{ id: first?.id ?? '', leaseToken: 'one' }] })
  const claimed = await storage.claimEvents({ ...claimEvents, leaseToken: 'two', limit: 10 })
  await storage.listSubscribers({
    tenantId,
    position: 100,
    emittedAt: start,
    after: null,
    limit: 10,
  })
  const part = {
    eventId: event.id,
    leaseToken: 'two',
    deliveries: [newDelivery(event, endpoint.id)],
    done: false,
  }
  await storage.fanOut({ now, results: [part] })
  const results = claimed.map(({ id }) => ({
    eventId: id,
    leaseToken: 'two',
    deliveries: [],
    done: true,
  }))
  await storage.fanOut({ now, results })
  await storage.nextDueAt({ exclude: [] })

  await addDeliveries(storage, 10, [endpoint.id])
  const { deliveries } = await claim(storage)
  const leases = deliveries.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
  await storage.renewLeases({ leases, leaseUntil })
  await storage.releaseDeliveries({ now, leases: leases.slice(0, 1) })
  const [, settled, cancelled] = deliveries
  const ids = [cancelled?.id ?? '']
  const cancel = { tenantId, reason: 'manual' as const, now, limit: 10 }
  await storage.cancelDeliveries({ ...cancel, which: { ids } })
  await storage.settleDeliveries({
    now,
    settlements: [settled, cancelled].map((delivery) => ({
      id: delivery?.id ?? '',
      leaseToken: delivery?.leaseToken ?? '',
      attempt: {
        id: newId('att'),
        tenantId,
        deliveryId: delivery?.id ?? '',
        eventId: delivery?.eventId ?? '',
        endpointId: endpoint.id,
        number: 1,
        startedAt: start,
        durationMs: 5,
        succeeded: false,
        url: endpoint.url,
        requestHeaders: {},
        response: null,
        error: null,
      },
      status: 'pending',
      dueAt: after(5_000),
      attempts: 1,
      step: 1,
      faults: 0,
      responseStatus: 500,
      lastError: null,
      cancelReason: null,
      completedAt: null,
    })),
  })
  await storage.requeueDeliveries({ tenantId, ids, now })
  await storage.cancelDeliveries({ ...cancel, which: { endpointId: endpoint.id } })
  await claim(storage, { now: after(120_000) })
  await storage.nextDueAt({ exclude: [endpoint.id] })

  await exerciseLists(storage, endpoint.id, event.id)
  await storage.recordHealth({
    changes: [
      {
        endpointId: endpoint.id,
        succeeded: false,
        failedAttempts: 1,
        failedAt: now,
        pausedUntil: now,
        leaseTokens: [],
      },
    ],
  })
  const change = { tenantId, id: endpoint.id, now }
  await storage.updateEndpoint({ ...change, changes: { active: false, rateLimit: null } })
  await storage.updateEndpoint({ ...change, changes: { active: true } })
  await storage.deleteEndpoint({ tenantId, id: spare.id, now })
  await storage.stats({ tenantId, since: start })
  await storage.stats({ tenantId, since: start, endpointId: endpoint.id })
  await storage.prune({ before: after(1_000_000), limit: 100 })
}

async function exerciseLists(
  storage: Storage<DatabaseSync>,
  endpointId: string,
  eventId: string,
): Promise<void> {
  const tenantId = 'tenant'
  const time = { since: start, until: after(1_000) }
  const filters = {
    events: combinations({ type: 'a', ...time }),
    endpoints: combinations({ active: true }),
    deliveries: [
      ...combinations({ endpointId, eventId, type: 'a', status: 'failed' as const, ...time }),
      ...combinations({ endpointId, status: 'succeeded' as const }),
    ],
  }
  for (const before of [null, 'zzz']) {
    const page = { tenantId, offset: 0, before, limit: 10, withTotal: true }
    for (const given of filters.events) await storage.listEvents({ ...page, ...given })
    for (const given of filters.endpoints) await storage.listEndpoints({ ...page, ...given })
    for (const given of filters.deliveries) await storage.listDeliveries({ ...page, ...given })
  }
  await storage.listAttempts({ tenantId, deliveryIds: ['dlv'] })
  await storage.getDelivery({ tenantId, id: 'dlv' })
  const without = { tenantId, endpointId, ...time, after: null, limit: 10 }
  await storage.listEventsWithoutDelivery(without)
}

/** Every selection of the properties. */
function combinations<Given extends object>(given: Given): Partial<Given>[] {
  const all: Partial<Given>[] = [{}]
  for (const [name, value] of Object.entries(given)) {
    all.push(...all.map((some) => ({ ...some, [name]: value })))
  }
  return all
}

test('no statement is compiled anew because of the value of its limit', async () => {
  const statements = collectStatements()
  await exercise(await openStorage({ path: temporaryFile() }))
  const limited = [...statements].filter((sql) => /\b(LIMIT|OFFSET)\b/.test(sql))
  expect(limited.length).toBeGreaterThan(10)
  expect(limited.filter((sql) => /\b(LIMIT|OFFSET) [?:]/.test(sql))).toEqual([])
})

test('a claim reads and writes as much from 100,000 waiting deliveries as from 1,000', async () => {
  expect(await workOfAClaim(100_000)).toEqual(await workOfAClaim(1_000))
})

/** Statements that a claim runs, and rows that they give, with so many deliveries waiting. */
async function workOfAClaim(waiting: number): Promise<{ statements: number; rows: number }> {
  const storage = await openStorage()
  const endpointIds = Array.from({ length: 10 }, (_, index) => `ep_${index}`)
  for (const id of endpointIds) await storage.insertEndpoint({ endpoint: newEndpoint({ id }) })
  await addDeliveries(storage, waiting, endpointIds)
  await claim(storage)
  const work = { statements: 0, rows: 0 }
  // Everything is prepared by now: all statements have this prototype.
  const prototype = Object.getPrototypeOf(new DatabaseSync(':memory:').prepare('SELECT 1'))
  for (const name of ['get', 'all', 'run'] as const) count(prototype, name, work)
  const { deliveries } = await claim(storage)
  vi.restoreAllMocks()
  expect(deliveries).toHaveLength(64)
  return work
}

function count(
  prototype: StatementSync,
  name: 'get' | 'all' | 'run',
  work: { statements: number; rows: number },
): void {
  const original = prototype[name] as (...values: unknown[]) => unknown
  vi.spyOn(prototype, name).mockImplementation(function (this: unknown, ...values: unknown[]) {
    const result = original.apply(this, values)
    work.statements += 1
    work.rows += Array.isArray(result) && name === 'all' ? result.length : 1
    return result as never
  })
}
