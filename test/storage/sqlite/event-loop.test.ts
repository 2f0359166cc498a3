import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openStorage, temporaryFile } from './fixtures.ts'

/** SQLite works on the thread of the event loop, which has to get its turns all the same. */

async function fill(sql: string) {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  connection.exec(sql)
  connection.close()
  return storage
}

function numbersBelow(count: number): string {
  return `WITH RECURSIVE numbers (n) AS (
    SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${count})`
}

/** How often the event loop turned while `work` went on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  const turn = () => {
    turns += 1
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  await work()
  clearImmediate(next)
  return turns
}

test('stats over many attempts are exact, and read in parts', async () => {
  // So many in a row start in one millisecond.
  const perMs = 30_000
  const count = 100_000
  const storage = await fill(`
    INSERT INTO webhooks_attempts (delivery_id, attempt_id, tenant_id, event_id, endpoint_id, number,
        started_at, duration_ms, succeeded, url, request_headers)
      ${numbersBelow(count)}
      SELECT 'dlv_' || n, 'att_' || n, 't', 'evt_1', 'ep_' || (n % 2), 1, 1000 + n / ${perMs}, n % 100,
          n % 10 > 0, '', '{}' FROM numbers`)
  const turns = await turnsDuring(async () => {
    const ofAll = await storage.stats({ tenantId: 't', since: new Date(0) })
    expect(ofAll.attempts).toEqual({ succeeded: 0.9 * count, failed: 0.1 * count })
    // Of a hundred durations, those that end in nought failed: ranks 45, 86 and 90 of ninety.
    expect(ofAll.durationMs).toEqual({ p50: 49, p95: 95, p99: 99 })
  })
  expect(turns).toBeGreaterThan(0)

  const [since, until] = [new Date(1_001), new Date(1_003)]
  const ofSome = await storage.stats({ tenantId: 't', endpointId: 'ep_0', since, until })
  // Every other one is even, and of these a fifth ends in nought.
  expect(ofSome.attempts).toEqual({ succeeded: 0.8 * perMs, failed: 0.2 * perMs })
})

test('events without a delivery are looked for in parts, and all of them are found', async () => {
  const count = 60_000
  const storage = await fill(`
    INSERT INTO webhooks_events (event_id, tenant_id, type, created_at, fan_out, channels, body)
      ${numbersBelow(count)}
      SELECT printf('evt_%09d', n), 't', 'order.paid', 1000, 'done', '[]', '' FROM numbers;
    INSERT INTO webhooks_deliveries (delivery_id, tenant_id, event_id, endpoint_id, event_type, status,
        created_at, completed_at)
      ${numbersBelow(count)}
      SELECT 'dlv_' || n, 't', printf('evt_%09d', n), 'ep_1', 'order.paid', 'succeeded', 1000, 1000
        FROM numbers WHERE n % 20000 <> 7`)
  const span = { tenantId: 't', endpointId: 'ep_1', since: new Date(0), until: new Date(2_000) }
  const ids: string[] = []
  const turns = await turnsDuring(async () => {
    const found = await storage.listEventsWithoutDelivery({ ...span, after: null, limit: 10 })
    ids.push(...found.map(({ id }) => id))
  })
  expect(ids).toEqual(['evt_000000007', 'evt_000020007', 'evt_000040007'])
  expect(turns).toBeGreaterThan(0)
  const some = { ...span, after: 'evt_000000007', limit: 1 }
  expect((await storage.listEventsWithoutDelivery(some)).map(({ id }) => id)).toEqual([ids[1]])
})

test('a clock that a test puts in place holds up no call', async () => {
  const storage = await openStorage({ path: ':memory:' })
  vi.useFakeTimers({ toFake: ['setImmediate', 'setTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  for (let calls = 0; calls < 3; calls++) {
    await storage.backlog({ now: new Date(0) })
    const endsAt = performance.now() + 20
    while (performance.now() < endsAt);
  }
})

test('calls that follow each other for long leave turns between them', async () => {
  const storage = await fill(`
    INSERT INTO webhooks_events (event_id, tenant_id, type, created_at, fan_out, channels, body)
      ${numbersBelow(50_000)}
      SELECT 'evt_' || n, 't', 'order.paid', 1000, 'none', '[]', '' FROM numbers`)
  let deleted = 0
  const turns = await turnsDuring(async () => {
    for (let left = true; left; ) {
      const { events } = await storage.prune({ before: new Date(2_000), limit: 1_000 })
      deleted += events
      left = events === 1_000
    }
  })
  expect(deleted).toBe(50_000)
  expect(turns).toBeGreaterThan(0)
})
