import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type PostgresStorage, postgresStorage } from '../../src/storage/postgres/index.ts'
import type {
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  NewEvent,
  Storage,
} from '../../src/storage/storage.ts'
import { Kit, only } from '../../src/testing/storage-suite/kit.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** What goes wrong only where several connections meet in one database. */

let server: PostgresServer
let pool: pg.Pool
let schema: string
let storage: PostgresStorage
let kit: Kit

beforeAll(async () => {
  server = await startPostgres(['-c', 'deadlock_timeout=100ms'])
}, 60_000)
afterAll(() => server?.stop())

beforeEach(async () => {
  schema = server.newSchema()
  pool = server.pool()
  storage = postgresStorage({ pool, schema })
  await storage.open()
  kit = new Kit(storage as Storage<never>)
})

/** As another process would have it. */
function another(watched: (pool: pg.Pool) => pg.Pool = (pool) => pool): PostgresStorage {
  return postgresStorage({ pool: watched(server.pool({ max: 3 })), schema })
}

interface OpenTransaction {
  client: pg.PoolClient
  end(how: 'COMMIT' | 'ROLLBACK'): Promise<void>
}

async function begin(level = 'READ COMMITTED'): Promise<OpenTransaction> {
  const client = await pool.connect()
  await client.query(`BEGIN ISOLATION LEVEL ${level}`)
  return {
    client,
    async end(how) {
      await client.query(how)
      client.release()
    },
  }
}

async function subscribersOf(event: EventRecord): Promise<string[]> {
  const { tenantId, position, createdAt } = event
  const given = { tenantId, position, emittedAt: createdAt, after: null, limit: 100 }
  return (await storage.listSubscribers(given)).map(({ id }) => id)
}

/** Resolves to what the promise did within a moment: a wait for a lock shows as `waits`. */
async function soon<Result>(promise: Promise<Result>): Promise<Result | 'waits'> {
  const pause = new Promise<'waits'>((resolve) => setTimeout(resolve, 150, 'waits'))
  return Promise.race([promise, pause])
}

describe('events that commit late', () => {
  test('reach an endpoint that was there when they were emitted', async () => {
    const endpoint = await kit.addEndpoint()
    const late = await begin()
    const event = kit.event()
    await storage.insertEvents({ events: [event], transaction: late.client })
    // Meanwhile others come, are committed and fanned out.
    const [early] = await kit.addEvents(5)
    const leaseToken = kit.id('lease')
    const claimed = await kit.claimEvents(0, { leaseToken })
    const results = claimed.map(({ id }) => ({
      eventId: id,
      leaseToken,
      deliveries: [],
      done: true,
    }))
    await storage.fanOut({ now: kit.at(0), results })
    await late.end('COMMIT')
    const found = only(await kit.claimEvents(0))
    expect(found.id).toBe(event.id)
    expect(found.position).toBeLessThan(early?.position ?? 0)
    expect(await subscribersOf(found)).toEqual([endpoint.id])
  })

  test('do not reach an endpoint that came, or was switched on, after they were emitted', async () => {
    const off = await kit.addEndpoint({ active: false })
    const late = await begin()
    await storage.insertEvents({ events: [kit.event()], transaction: late.client })
    await kit.addEndpoint()
    const { tenantId, id } = off
    await storage.updateEndpoint({ tenantId, id, changes: { active: true }, now: kit.at(5) })
    await late.end('COMMIT')
    expect(await subscribersOf(only(await kit.claimEvents(0)))).toEqual([])
    const next = await kit.addEvent()
    expect(await subscribersOf(next)).toHaveLength(2)
  })

  test('are not claimed before, and are at once after', async () => {
    const late = await begin()
    await storage.insertEvents({ events: [kit.event()], transaction: late.client })
    expect(await kit.claimEvents(0)).toEqual([])
    expect(await storage.nextDueAt({ exclude: [] })).toBeNull()
    await late.end('COMMIT')
    expect(await kit.claimEvents(0)).toHaveLength(1)
  })
})

describe('an emit inside the caller’s transaction', () => {
  test('locks nothing but the table of events and their queue', async () => {
    await kit.addEndpoint()
    const { client, end } = await begin()
    const events = [kit.event({ idempotencyKey: 'k' }), kit.event()]
    await storage.insertEvents({ events, transaction: client })
    const { rows } = await client.query(
      `SELECT DISTINCT relname FROM pg_locks JOIN pg_class AS class ON class.oid = relation
        WHERE pid = pg_backend_pid() AND relkind = 'r'
          AND relnamespace = '"${schema}"'::regnamespace ORDER BY relname`,
    )
    expect(rows).toEqual([{ relname: 'events' }, { relname: 'fan_out_queue' }])
    await end('COMMIT')
  })

  test('leaves the transaction usable when the key is taken', async () => {
    const standing = await kit.addEvent({ idempotencyKey: 'k' })
    const { client, end } = await begin()
    const again = kit.event({ idempotencyKey: 'k' })
    const answer = await storage.insertEvents({ events: [again], transaction: client })
    const { id, createdAt, position } = standing
    expect(answer).toEqual([{ id, createdAt, position, inserted: false }])
    const other = kit.event()
    await storage.insertEvents({ events: [other], transaction: client })
    await end('COMMIT')
    expect(await kit.eventsOf([again, other])).toHaveLength(1)
  })

  test.each(['COMMIT', 'ROLLBACK'] as const)(
    'a key that another transaction holds is waited for: %s',
    async (how) => {
      const first = await begin()
      const second = await begin()
      const [a, b] = [kit.event({ idempotencyKey: 'k' }), kit.event({ idempotencyKey: 'k' })]
      await storage.insertEvents({ events: [a], transaction: first.client })
      const waiting = storage.insertEvents({ events: [b], transaction: second.client })
      expect(await soon(waiting)).toBe('waits')
      await first.end(how)
      const isTaken = how === 'COMMIT'
      expect(await waiting).toMatchObject([{ id: isTaken ? a.id : b.id, inserted: !isTaken }])
      await second.end('COMMIT')
      expect(await kit.eventsOf([a, b])).toMatchObject([{ id: isTaken ? a.id : b.id }])
    },
  )

  test('under REPEATABLE READ a key that was taken meanwhile fails, as everything there does', async () => {
    const { client, end } = await begin('REPEATABLE READ')
    await client.query('SELECT 1')
    await kit.addEvent({ idempotencyKey: 'k' })
    const late = storage.insertEvents({
      events: [kit.event({ idempotencyKey: 'k' })],
      transaction: client,
    })
    await expect(late).rejects.toMatchObject({ code: '40001' })
    await end('ROLLBACK')
    const fresh = await begin('REPEATABLE READ')
    const events = [kit.event({ idempotencyKey: 'k' }), kit.event({ idempotencyKey: 'other' })]
    const answers = await storage.insertEvents({ events, transaction: fresh.client })
    expect(answers.map(({ inserted }) => inserted)).toEqual([false, true])
    await fresh.end('COMMIT')
  })
})

test('batches with the same keys in opposite order do not block each other', async () => {
  const other = another()
  for (let round = 0; round < 30; round += 1) {
    const keys = Array.from({ length: 40 }, (_, index) => `round ${round} key ${index}`)
    const batch = (order: string[]): NewEvent[] =>
      order.map((idempotencyKey) => kit.event({ idempotencyKey }))
    const answers = await Promise.all([
      storage.insertEvents({ events: batch(keys) }),
      other.insertEvents({ events: batch(keys.toReversed()) }),
    ])
    expect(answers.flat().filter(({ inserted }) => inserted)).toHaveLength(40)
  }
})

test('the fan-out and claims do not wait for the disk, and everything else does', async () => {
  const { client, end } = await begin()
  const commits = async (call: string) => {
    await client.query(`SELECT "${schema}".${call}`)
    const { rows } = await client.query('SHOW synchronous_commit')
    await client.query('SET LOCAL synchronous_commit = on')
    return rows[0].synchronous_commit
  }
  await kit.addEvent()
  expect(await commits("claim_events(1, 'lease', 1, 1, '')")).toBe('off')
  expect(await commits("claim_deliveries(1, 'lease', 1, 1, 1, '{}', 1, '', false)")).toBe('off')
  const nothing = Array(22).fill("'{}'").join(', ')
  expect(await commits(`settle_deliveries(1, '{}', ${nothing})`)).toBe('on')
  const event = "'evt', 'tenant', 'type', '{}', '[]', NULL, NULL, 1, true, NULL, NULL, NULL"
  expect(await commits(`insert_event(${event})`)).toBe('on')
  await end('ROLLBACK')
})

test('what a process remembers from claim to claim is no older than what others wrote', async () => {
  const { endpoint, event } = await kit.addDelivery()
  const { tenantId, id } = endpoint
  const second = { leaseForMs: 1_000 }
  expect(only((await kit.claim(0, second)).endpoints).url).toBe(endpoint.url)
  const other = another()
  const changes = { url: 'https://moved.example/' }
  await other.updateEndpoint({ tenantId, id, changes, now: kit.at(1) })
  const moved = await kit.claim(1_000, second)
  expect(moved.endpoints).toEqual([await kit.getEndpoint(endpoint)])
  expect(only(moved.endpoints).url).toBe(changes.url)
  expect(moved.events).toEqual(await kit.eventsOf([event]))
  const failure = { succeeded: false, failedAttempts: 2, failedAt: kit.at(3), pausedUntil: null }
  await other.recordHealth({ changes: [{ endpointId: id, ...failure, leaseTokens: [] }] })
  const failing = await kit.claim(2_000, second)
  expect(only(failing.endpoints)).toMatchObject({ failedAttempts: 2, failingSince: kit.at(3) })
  await other.deleteEndpoint({ tenantId, id, now: kit.at(4) })
  expect((await kit.claim(3_000)).endpoints).toEqual([])
})

describe('many workers on one tenant', () => {
  test('share what is due of few endpoints: none starves, nothing is claimed twice', async () => {
    const endpoints = [await kit.addEndpoint(), await kit.addEndpoint()]
    for (const endpoint of endpoints) await addDeliveries(400, endpoint)
    const workers = Array.from({ length: 6 }, another)
    const shares = await Promise.all(
      workers.map(async (worker) => {
        const taken: string[] = []
        for (let call = 0; call < 12; call += 1) {
          const { deliveries } = await worker.claimDeliveries({
            now: kit.at(0),
            leaseToken: kit.id('lease'),
            leaseUntil: kit.at(60_000),
            limit: 16,
            perEndpoint: 8,
            inFlight: new Map(),
            probeFrom: 10,
          })
          taken.push(...deliveries.map(({ id }) => id))
        }
        return taken
      }),
    )
    const all = shares.flat()
    expect(new Set(all).size).toBe(all.length)
    expect(all).toHaveLength(800)
    for (const share of shares) expect(share.length).toBeGreaterThan(0)
  })

  test('take together exactly what a rate limit allows', async () => {
    const rateLimit = { limit: 7, intervalMs: 7_000 }
    await addDeliveries(60, await kit.addEndpoint({ rateLimit }))
    const workers = Array.from({ length: 5 }, another)
    const counts = []
    for (const at of [0, 2_999, 3_000, 3_001, 60_000]) {
      const claims = await Promise.all(workers.map((worker) => kit.on(worker as never).claimed(at)))
      counts.push(claims.flat().length)
    }
    expect(counts).toEqual([7, 2, 1, 0, 7])
  })

  test('a lane in other hands does not look like nothing to do', async () => {
    const { delivery } = await kit.addDelivery()
    const { client, end } = await begin()
    await client.query(`SELECT 1 FROM "${schema}".lanes FOR UPDATE`)
    expect(Number(await storage.nextDueAt({ exclude: [] }))).toBeLessThanOrEqual(+kit.at(0))
    const claiming = kit.claimed(0)
    expect(await soon(claiming)).toBe('waits')
    await end('ROLLBACK')
    expect((await claiming).map(({ id }) => id)).toEqual([delivery.id])
  })

  test('work that is committed while a claim looks is not overlooked', async () => {
    const { endpoint, delivery: known } = await kit.addDelivery()
    const [event] = await kit.addEvents(1, { fanOut: false, lease: null })
    const added = kit.delivery(event ?? kit.event(), endpoint)
    // Of a pool with one connection, all statements meet in the transaction that is open there.
    const slow = server.pool({ max: 1 })
    await slow.query('BEGIN')
    await postgresStorage({ pool: slow, schema }).insertDeliveries({ deliveries: [added] })
    const claiming = kit.claimed(0)
    await soon(claiming)
    await slow.query('COMMIT')
    const found = [...(await claiming), ...(await kit.claimed(0))].map(({ id }) => id)
    expect(found.sort()).toEqual([known.id, added.id].sort())
  })

  test('a claim that waits for one lane does not go on to wait for the next with it in hand', async () => {
    const { endpoint: first } = await kit.addDelivery()
    const { endpoint: second } = await kit.addDelivery()
    const lock = `SELECT 1 FROM "${schema}".lanes WHERE endpoint_id = $1 FOR UPDATE`
    const [other, third] = [await begin(), await begin()]
    await other.client.query(lock, [first.id])
    await third.client.query(lock, [second.id])
    const claiming = kit.claimed(0)
    expect(await soon(claiming)).toBe('waits')
    // What the claim waits for stands in turn no more once it is free.
    await other.client.query(
      `UPDATE "${schema}".lanes SET turn = NULL, due_at = 9e12 WHERE endpoint_id = $1`,
      [first.id],
    )
    await other.end('COMMIT')
    expect(await soon(claiming)).toBe('waits')
    // Whoever holds the next one can still have the first.
    await third.client.query(`SET lock_timeout = '2s'; ${lock.replace('$1', `'${first.id}'`)}`)
    await third.end('ROLLBACK')
    expect((await claiming).map(({ endpointId }) => endpointId)).toEqual([second.id])
  })

  async function addDeliveries(count: number, endpoint: { id: string }): Promise<void> {
    const events = await kit.addEvents(count, { fanOut: false, lease: null })
    await storage.insertDeliveries({
      deliveries: events.map((event) => kit.delivery(event, endpoint)),
    })
  }
})

test('everything at once, from several processes: no deadlock, and in the end nothing is left', async () => {
  const endpoints: EndpointRecord[] = []
  for (const tenantId of ['tenant-a', 'tenant-b']) {
    for (let count = 0; count < 4; count += 1) {
      const rateLimit = count === 0 ? { limit: 50, intervalMs: 1_000 } : null
      endpoints.push(await kit.addEndpoint({ tenantId, rateLimit }))
    }
  }
  const emitted: NewEvent[] = []
  let clock = 0
  // A deadlock would be repeated, and so not be seen.
  const faults: unknown[] = []
  function watched(given: pg.Pool): pg.Pool {
    const query = given.query.bind(given) as (...params: unknown[]) => Promise<unknown>
    const noting = (...params: unknown[]) =>
      query(...params).catch((error) => {
        faults.push(error)
        throw error
      })
    return Object.assign(given, { query: noting })
  }
  const worlds = Array.from({ length: 5 }, () => kit.on(another(watched) as never))

  await Promise.all(worlds.map((world, index) => live(world, index)))
  expect(faults).toEqual([])
  for (let round = 0; round < 400; round += 1) {
    clock += 30_000
    await fanOut(kit)
    const held = await kit.claimed(clock, { limit: 1_000, probeFrom: Number.MAX_SAFE_INTEGER })
    await kit.settle(...held.map((row) => kit.settlement(row, 'succeeded', { at: clock })))
    if ((await storage.nextDueAt({ exclude: [] })) === null) break
  }

  expect(await storage.nextDueAt({ exclude: [] })).toBeNull()
  for (const tenantId of ['tenant-a', 'tenant-b']) {
    const events = emitted.filter((event) => event.tenantId === tenantId)
    const page = { offset: 0, before: null, limit: 100_000, withTotal: true }
    const { items } = await storage.listDeliveries({ tenantId, ...page })
    // Each event once to each of the tenant's four endpoints.
    expect(items).toHaveLength(4 * events.length)
    expect(items.filter(({ status }) => status === 'pending')).toEqual([])
    const deliveryIds = items.map(({ id }) => id)
    const attempts = await storage.listAttempts({ tenantId, deliveryIds })
    const sum = items.reduce((total, { attempts: count }) => total + count, 0)
    expect(attempts).toHaveLength(sum)
  }

  /** One process: emits, fans out, claims, settles, gives back, cancels and re-queues. */
  async function live(world: Kit, index: number): Promise<void> {
    for (let step = 0; step < 80; step += 1) {
      clock += 20
      const tenantId = step % 2 === 0 ? 'tenant-a' : 'tenant-b'
      const events = Array.from({ length: 3 }, () => world.event({ tenantId }))
      emitted.push(...events)
      const [, , held] = await Promise.all([
        world.storage.insertEvents({ events }),
        fanOut(world),
        world.claimed(clock, { limit: 12, leaseForMs: step % 5 === 0 ? 1 : 500 }),
      ])
      await Promise.all([settleSome(world, held), upset(world, held, step + index)])
    }
  }

  async function fanOut(world: Kit): Promise<void> {
    const leaseToken = world.id('lease')
    const events = await world.claimEvents(clock, { leaseToken, limit: 10 })
    const results = events.map((event) => ({
      eventId: event.id,
      leaseToken,
      done: true,
      deliveries: endpoints
        .filter(({ tenantId }) => tenantId === event.tenantId)
        .map((endpoint) => world.delivery(event, endpoint, { dueAt: world.at(clock) })),
    }))
    await world.storage.fanOut({ now: world.at(clock), results })
  }

  async function settleSome(world: Kit, held: DeliveryRecord[]): Promise<void> {
    const settlements = held.map((row, place) =>
      world.settlement(row, place % 3 === 0 ? 'pending' : 'succeeded', {
        at: clock,
        ...(place % 3 === 0 ? { dueAt: world.at(clock + 10 * place) } : {}),
      }),
    )
    await world.settle(...settlements.slice(2).toReversed())
  }

  async function upset(world: Kit, held: DeliveryRecord[], turn: number): Promise<void> {
    const ids = held.map(({ id }) => id)
    const leases = held.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
    const now = world.at(clock)
    const tenantId = held[0]?.tenantId ?? 'tenant-a'
    const reason = 'manual' as const
    const endpointId = held[0]?.endpointId ?? ''
    const pausedUntil = world.at(clock + 40)
    if (turn % 6 === 0) await world.storage.renewLeases({ leases, leaseUntil: now })
    if (turn % 6 === 1) await world.storage.releaseDeliveries({ now, leases: leases.toReversed() })
    if (turn % 6 === 2) await world.storage.requeueDeliveries({ tenantId, ids, now })
    if (turn % 6 === 3) {
      const which = turn % 4 === 1 ? { ids } : { endpointId }
      await world.storage.cancelDeliveries({ tenantId, which, reason, now, limit: 3 })
    }
    if (turn % 6 === 4 && endpointId !== '') {
      const failure = {
        succeeded: false,
        failedAttempts: 1,
        failedAt: now,
        pausedUntil,
        // Some of them end a probe, now and then.
        leaseTokens: leases.map(({ leaseToken }) => leaseToken),
      }
      await world.storage.recordHealth({ changes: [{ endpointId, ...failure }] })
    }
    if (turn % 6 === 5) await world.storage.prune({ before: world.at(-1), limit: 10 })
  }
})

test.each(['40P01', '40001'])(
  'what the server asks to repeat, with code %s, is repeated, but not for ever',
  async (code) => {
    const refuse = (times: number) =>
      pool.query(`
        CREATE SEQUENCE "${schema}".refusals;
        CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF nextval('"${schema}".refusals') <= ${times} THEN
            RAISE EXCEPTION 'again, please' USING ERRCODE = '${code}';
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER refusing BEFORE INSERT ON "${schema}".events
          EXECUTE FUNCTION "${schema}".refuse()`)
    await refuse(2)
    expect(await storage.insertEvents({ events: [kit.event()] })).toHaveLength(1)
    await pool.query(`DROP FUNCTION "${schema}".refuse CASCADE; DROP SEQUENCE "${schema}".refusals`)
    await refuse(1_000)
    await expect(storage.insertEvents({ events: [kit.event()] })).rejects.toMatchObject({ code })
  },
)

describe('pruning up to now', () => {
  /** A storage whose calls all meet in one transaction, which stays open: its pool has one connection. */
  async function inOneTransaction(): Promise<{ slow: Storage; commit(): Promise<void> }> {
    const slow = server.pool({ max: 1 })
    await slow.query('BEGIN')
    const commit = async () => void (await slow.query('COMMIT'))
    return { slow: postgresStorage({ pool: slow, schema }) as Storage, commit }
  }

  const prune = () => storage.prune({ before: kit.at(10_000), limit: 100 })

  test('leaves the lane of a deleted endpoint to a delivery that is being added', async () => {
    const endpoint = await kit.addEndpoint()
    // With a lane of its own, from before.
    const [known] = await kit.addDeliveries(1, endpoint)
    await kit.claimed(0)
    await storage.cancelDeliveries({
      ...{ tenantId: endpoint.tenantId, which: { ids: [known?.id ?? ''] } },
      ...{ reason: 'manual' as const, now: kit.at(0), limit: 1 },
    })
    const leaseToken = kit.id('lease')
    const { id: eventId, ...event } = await kit.addEvent()
    await kit.claimEvents(0, { leaseToken })
    await storage.deleteEndpoint({ ...endpoint, now: kit.at(0) })
    const { slow, commit } = await inOneTransaction()
    const delivery = kit.delivery({ id: eventId, ...event }, endpoint)
    const results = [{ eventId, leaseToken, deliveries: [delivery], done: true }]
    await slow.fanOut({ now: kit.at(0), results })
    const pruning = prune()
    expect(await soon(pruning)).toBe('waits')
    await commit()
    expect(await pruning).toMatchObject({ deliveries: 1 })
    expect((await kit.claimed(0)).map(({ id }) => id)).toEqual([delivery.id])
  })

  test('forgets no event whose fan-out is done again meanwhile', async () => {
    const endpoint = await kit.addEndpoint()
    const leaseToken = kit.id('lease')
    const { id: eventId, ...event } = await kit.addEvent()
    await kit.claimEvents(0, { leaseToken })
    const part = () => kit.delivery({ id: eventId, ...event }, endpoint)
    const result = { eventId, leaseToken }
    const first = [{ ...result, deliveries: [part()], done: false }]
    await storage.fanOut({ now: kit.at(0), results: first })
    const [held] = await kit.claimed(0)
    if (held) await kit.settle(kit.settlement(held, 'succeeded'))
    const { slow, commit } = await inOneTransaction()
    const again = [{ ...result, deliveries: [part()], done: true }]
    await slow.fanOut({ now: kit.at(0), results: again })
    const pruning = prune()
    expect(await soon(pruning)).toBe('waits')
    await commit()
    await pruning
    await prune()
    expect(await storage.getEvents({ tenantId: event.tenantId, ids: [eventId] })).toEqual([])
  })
})

test('pruning what was cancelled does not cross with attempts that end', async () => {
  const endpoint = await kit.addEndpoint()
  const pruner = another()
  for (let round = 0; round < 25; round += 1) {
    const events = await kit.addEvents(40, { fanOut: false, lease: null, createdAt: kit.at(-50) })
    const deliveries = events.map((event) => kit.delivery(event, endpoint))
    await storage.insertDeliveries({ deliveries })
    const held = await kit.claimed(0)
    const which = { ids: held.map(({ id }) => id) }
    const cancel = { tenantId: 'tenant-a', reason: 'manual' as const, limit: 100 }
    await storage.cancelDeliveries({ ...cancel, which, now: kit.at(-40) })
    const settlements = held.map((row) => kit.settlement(row, 'failed'))
    const [settled] = await Promise.all([
      kit.settle(...settlements),
      pruner.prune({ before: kit.at(-30), limit: 30 }),
    ])
    expect(settled.length).toBeGreaterThanOrEqual(10)
    await pruner.prune({ before: kit.at(-30), limit: 1_000 })
  }
  const page = { offset: 0, before: null, limit: 10, withTotal: true }
  expect((await storage.listDeliveries({ tenantId: 'tenant-a', ...page })).total).toBe(0)
  expect((await storage.listEvents({ tenantId: 'tenant-a', ...page })).total).toBe(0)
  const { rows } = await pool.query(`SELECT 1 FROM "${schema}".attempts
    UNION ALL SELECT 1 FROM "${schema}".schedule`)
  expect(rows).toEqual([])
})

test('a connection that is lost fails its call with the driver’s error, and the next call works', async () => {
  const only = server.pool({ max: 1 })
  const lonely = postgresStorage({ pool: only, schema })
  await kit.addDelivery()
  await lonely.nextDueAt({ exclude: [] })
  const blocker = await begin()
  await blocker.client.query(`LOCK TABLE "${schema}".lanes IN ACCESS EXCLUSIVE MODE`)
  const claiming = kit.on(lonely as never).claimed(0)
  expect(await soon(claiming)).toBe('waits')
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND query LIKE '%claim_deliveries%'`,
  )
  await expect(claiming).rejects.toMatchObject({ code: '57P01' })
  await blocker.end('ROLLBACK')
  expect(await kit.on(lonely as never).claimed(0)).toHaveLength(1)
})
