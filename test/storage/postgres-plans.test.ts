import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresStorage, postgresStorage } from '../../src/storage/postgres/index.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** At a million rows, everything that runs often or shows a page reads a few rows by an index. */

const rows = 1_000_000
/** All that grow with the number of events; of endpoints there are a thousand. */
const bigTables = new Set<string | undefined>([
  'events',
  'fan_out_queue',
  'deliveries',
  'schedule',
  'attempts',
  'lanes',
])
const start = Date.UTC(2050, 0, 1)
const limit = 64

describe(`postgresStorage with ${rows.toLocaleString('en')} deliveries`, () => {
  let server: PostgresServer
  let pool: pg.Pool
  let schema: string
  let storage: PostgresStorage
  let plans: Plan[] = []

  beforeAll(async () => {
    server = await startPostgres(['-c', 'max_wal_size=4GB'])
    schema = server.newSchema()
    // One connection, so that what is set on it holds for the storage as well.
    pool = server.pool({ max: 1 })
    pool.on('connect', (client) => client.on('notice', ({ message }) => notePlan(message ?? '')))
    storage = postgresStorage({ pool, schema, listen: false })
    await storage.open()
    await fill(pool, schema)
    // Needs a superuser, as the server of these tests gives: plans also of what functions run.
    await pool.query("LOAD 'auto_explain'")
    for (const [name, value] of [
      ['auto_explain.log_min_duration', '0'],
      ['auto_explain.log_nested_statements', 'on'],
      ['auto_explain.log_format', 'json'],
      ['auto_explain.log_analyze', 'on'],
      ['auto_explain.log_timing', 'off'],
      ['auto_explain.log_parameter_max_length', '0'],
      ['auto_explain.log_level', 'notice'],
    ]) {
      await pool.query(`SET ${name} = '${value}'`)
    }
  }, 300_000)

  afterAll(async () => {
    await pool?.query(`DROP SCHEMA "${schema}" CASCADE`)
    await server?.stop()
  }, 60_000)

  function notePlan(message: string): void {
    const json = message.slice(message.indexOf('{'))
    if (message.includes('plan:')) plans.push((JSON.parse(json) as { Plan: Plan }).Plan)
  }

  /** Runs what the storage does, and gives every step of every plan that touched our tables. */
  async function stepsOf(work: () => Promise<unknown>): Promise<Plan[]> {
    plans = []
    await work()
    const steps = plans.flatMap(allSteps).filter((step) => bigTables.has(step['Relation Name']))
    expect(steps.length).toBeGreaterThan(0)
    return steps
  }

  function expectFewRowsByIndex(steps: Plan[], most: number): void {
    for (const step of steps) {
      expect(step['Node Type'], JSON.stringify(step)).not.toMatch(/Seq Scan|Bitmap/)
      const passed = (step['Rows Removed by Filter'] ?? 0) + (step['Actual Rows'] ?? 0)
      const total = passed * (step['Actual Loops'] ?? 1)
      expect(total, JSON.stringify(step)).toBeLessThanOrEqual(most)
    }
  }

  const now = new Date(start + 1_000)
  const lease = { now, leaseToken: 'lease_1', leaseUntil: new Date(start + 60_000) }
  const claim = { ...lease, limit, perEndpoint: 8, inFlight: new Map(), probeFrom: 10 }

  test('a claim reads about as many rows as it takes', async () => {
    // The lanes of all endpoints come due at this instant; they are put in turn once.
    await storage.claimDeliveries({ ...claim, leaseToken: 'lease_0', limit: 1 })
    let taken = 0
    const steps = await stepsOf(async () => {
      taken = (await storage.claimDeliveries(claim)).deliveries.length
    })
    expect(taken).toBe(limit)
    expectFewRowsByIndex(steps, 10 * limit)
  })

  test('a claim that finds everything in flight reads as little', async () => {
    const { rows: all } = await pool.query(`SELECT endpoint_id FROM "${schema}".endpoints`)
    const inFlight = new Map(all.slice(0, limit).map((row) => [String(row.endpoint_id), 8]))
    const steps = await stepsOf(() => storage.claimDeliveries({ ...claim, inFlight }))
    expectFewRowsByIndex(steps, 20 * limit)
  })

  test('fan-out reads about as many rows as it takes', async () => {
    const events = await storage.claimEvents({ ...lease, limit })
    expect(events).toHaveLength(limit)
    const results = events.map((event, index) => ({
      eventId: event.id,
      leaseToken: lease.leaseToken,
      done: true,
      deliveries: [
        {
          id: `dlv_new_${index}`,
          tenantId: event.tenantId,
          eventId: event.id,
          endpointId: 'ep_0_00',
          eventType: event.type,
          status: 'pending' as const,
          cancelReason: null,
          dueAt: now,
          leaseToken: null,
          createdAt: now,
        },
      ],
    }))
    const steps = await stepsOf(() => storage.fanOut({ ...lease, results }))
    expectFewRowsByIndex(steps, 2 * limit)
    const others = await stepsOf(() =>
      storage.claimEvents({ ...lease, leaseToken: 'lease_2', limit }),
    )
    expectFewRowsByIndex(others, 5 * limit)
  })

  test('settling, renewing, releasing and cancelling touch the rows they name', async () => {
    const { deliveries } = await storage.claimDeliveries({ ...claim, leaseToken: 'lease_3' })
    const leases = deliveries.map(({ id }) => ({ id, leaseToken: 'lease_3' }))
    const renewing = await stepsOf(() => storage.renewLeases({ leases, leaseUntil: now }))
    expectFewRowsByIndex(renewing, 2 * limit)
    const settlements = deliveries.slice(0, 30).map((delivery) => ({
      id: delivery.id,
      leaseToken: 'lease_3',
      status: 'pending' as const,
      dueAt: new Date(start + 90_000),
      attempts: 1,
      step: 1,
      faults: 0,
      responseStatus: 500,
      lastError: null,
      cancelReason: null,
      completedAt: null,
      attempt: {
        id: `att_${delivery.id}`,
        tenantId: delivery.tenantId,
        deliveryId: delivery.id,
        eventId: delivery.eventId,
        endpointId: delivery.endpointId,
        number: 1,
        startedAt: now,
        durationMs: 5,
        succeeded: false,
        url: 'https://receiver.example/',
        requestHeaders: {},
        response: null,
        error: null,
      },
    }))
    const settling = await stepsOf(() => storage.settleDeliveries({ now, settlements }))
    expectFewRowsByIndex(settling, 2 * limit)
    const releasing = await stepsOf(() => storage.releaseDeliveries({ now, leases }))
    expectFewRowsByIndex(releasing, 2 * limit)
    const [{ tenantId, endpointId } = { tenantId: '', endpointId: '' }] = deliveries
    const ids = deliveries.map(({ id }) => id)
    const cancel = { tenantId, reason: 'manual' as const, now, limit }
    for (const which of [{ ids }, { endpointId }]) {
      const steps = await stepsOf(() => storage.cancelDeliveries({ ...cancel, which }))
      expectFewRowsByIndex(steps, 2 * limit)
    }
    const requeueing = await stepsOf(() => storage.requeueDeliveries({ tenantId, ids, now }))
    expectFewRowsByIndex(requeueing, 2 * limit)
  })

  test('emitting looks for what it brings, and the next due time at a few lanes', async () => {
    const event = {
      id: 'evt_emitted',
      tenantId: 'tenant-0',
      type: 'document.processed',
      body: '{}',
      channels: [],
      idempotencyKey: 'key 7',
      traceparent: null,
      createdAt: now,
      fanOut: true,
      lease: null,
    }
    const emitting = await stepsOf(() => storage.insertEvents({ events: [event] }))
    expectFewRowsByIndex(emitting, 1)
    const looking = await stepsOf(() => storage.nextDueAt({ exclude: [] }))
    expectFewRowsByIndex(looking, 200)
  })

  test('every list reads its page along an index', async () => {
    const tenant = { tenantId: 'tenant-3' }
    const endpointId = 'ep_3_07'
    const page = { offset: 0, before: null, limit: 20, withTotal: false }
    const until = new Date(start)
    const lists = [
      () => storage.listDeliveries({ ...tenant, ...page }),
      () => storage.listDeliveries({ ...tenant, ...page, before: 'dlv_0000300003' }),
      () => storage.listDeliveries({ ...tenant, ...page, status: 'failed' }),
      () => storage.listDeliveries({ ...tenant, ...page, endpointId }),
      () => storage.listDeliveries({ ...tenant, ...page, endpointId, status: 'pending' }),
      () => storage.listDeliveries({ ...tenant, ...page, eventId: 'evt_0000300003' }),
      () => storage.listDeliveries({ ...tenant, ...page, type: 'document.deleted' }),
      () => storage.listDeliveries({ ...tenant, ...page, until }),
      () => storage.listEvents({ ...tenant, ...page }),
      () => storage.listEvents({ ...tenant, ...page, before: 'evt_0000300003' }),
      () => storage.listEvents({ ...tenant, ...page, type: 'document.deleted', until }),
      () => storage.listAttempts({ ...tenant, deliveryIds: ['dlv_0000300003'] }),
      () => storage.getEvents({ ...tenant, ids: ['evt_0000300003'] }),
      () => storage.getDelivery({ ...tenant, id: 'dlv_0000300003' }),
    ]
    for (const list of lists) expectFewRowsByIndex(await stepsOf(list), 100)
  })

  test('what an endpoint missed is found along an index', async () => {
    const steps = await stepsOf(() =>
      storage.listEventsWithoutDelivery({
        tenantId: 'tenant-3',
        endpointId: 'ep_3_07',
        since: new Date(start - 10_000_000),
        until: now,
        after: 'evt_0000300003',
        limit: 50,
      }),
    )
    // It may pass over what other tenants have in between.
    expectFewRowsByIndex(steps, 2_000)
  })

  test('retention finds what is old enough along an index', async () => {
    const before = new Date(start - 900_000)
    const steps = await stepsOf(() => storage.prune({ before, limit }))
    expectFewRowsByIndex(steps, 2 * limit)
  })

  test('statistics of an hour leave out what is older, but for what is pending', async () => {
    const since = new Date(start - 5_000)
    const steps = await stepsOf(() => storage.stats({ tenantId: 'tenant-3', since }))
    for (const step of steps) {
      expect(step['Node Type'], JSON.stringify(step)).not.toMatch(/^Seq Scan/)
    }
  })
})

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows'?: number
  'Actual Loops'?: number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

function allSteps(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(allSteps)]
}

/**
 * Ten tenants with a hundred endpoints each. Of every ten deliveries, eight are pending: half of
 * them due, in a second. Half of the endpoints are paused. Instants are a millisecond apart.
 */
async function fill(pool: pg.Pool, name: string): Promise<void> {
  const schema = `"${name}"`
  const endpoint = "'ep_' || i % 10 || '_' || lpad((i / 10 % 100)::text, 2, '0')"
  await pool.query(`
    INSERT INTO ${schema}.endpoints (endpoint_id, tenant_id, url, description, events, channels,
        headers, secrets, metadata, active, paused_until, active_position, created_at, updated_at)
      SELECT ${endpoint}, 'tenant-' || i % 10, 'https://receiver.example/', '', '["*"]', '[]', '{}',
          '[]', '{}', true, CASE WHEN i / 10 % 2 = 0 THEN ${start} + 3600000 END, 0, ${start},
          ${start}
        FROM generate_series(0, 999) AS i;
    INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, created_at, fan_out,
        unowed, idempotency_key)
      SELECT 'evt_' || lpad(i::text, 10, '0'), 'tenant-' || i % 10,
          CASE WHEN i / 10 % 2 = 0 THEN 'document.deleted' ELSE 'document.processed' END, '{}', '[]',
          ${start} - ${rows} + i, true, false,
          CASE WHEN i % 3 = 0 THEN 'key ' || i END
        FROM generate_series(1, ${rows}) AS i;
    INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
      SELECT event_id, tenant_id, position FROM ${schema}.events WHERE created_at % 50 = 0;
    INSERT INTO ${schema}.deliveries (delivery_id, tenant_id, event_id, endpoint_id, event_type,
        status, created_at, completed_at)
      SELECT 'dlv_' || lpad(i::text, 10, '0'), 'tenant-' || i % 10, 'evt_' || lpad(i::text, 10, '0'),
          ${endpoint},
          CASE WHEN i / 10 % 2 = 0 THEN 'document.deleted' ELSE 'document.processed' END,
          CASE WHEN i / 10 % 10 = 8 THEN 'succeeded' WHEN i / 10 % 10 = 9 THEN 'failed'
            ELSE 'pending' END,
          ${start} - ${rows} + i, CASE WHEN i / 10 % 10 >= 8 THEN ${start} - ${rows} + i END
        FROM generate_series(1, ${rows}) AS i;
    INSERT INTO ${schema}.schedule (delivery_id, endpoint_id, due_at)
      SELECT delivery_id, endpoint_id, created_at
          + CASE WHEN delivery_id LIKE '%5' THEN 0 ELSE ${rows} / 2 END
        FROM ${schema}.deliveries WHERE status = 'pending';
    INSERT INTO ${schema}.lanes (endpoint_id, tenant_id, due_at)
      SELECT schedule.endpoint_id, min(endpoint.tenant_id), min(schedule.due_at)
        FROM ${schema}.schedule JOIN ${schema}.endpoints AS endpoint USING (endpoint_id) GROUP BY 1;
    INSERT INTO ${schema}.attempts (attempt_id, tenant_id, delivery_id, event_id, endpoint_id,
        number, started_at, duration_ms, succeeded, url, request_headers)
      SELECT 'att_' || delivery_id, tenant_id, delivery_id, event_id, endpoint_id, 1, created_at, 5,
          status = 'succeeded', 'https://receiver.example/', '{}'
        FROM ${schema}.deliveries WHERE status <> 'pending'`)
  for (const table of [
    'events',
    'fan_out_queue',
    'deliveries',
    'schedule',
    'lanes',
    'attempts',
    'endpoints',
  ]) {
    await pool.query(`VACUUM ANALYZE ${schema}.${table}`)
  }
}
