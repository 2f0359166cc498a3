import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type PostgresStorage, postgresStorage } from '../../src/storage/postgres/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { Kit } from '../../src/testing/storage-suite/kit.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** Who is told of new work, and when. */

let server: PostgresServer
let schema: string
let storage: PostgresStorage
let kit: Kit
const opened: PostgresStorage[] = []

beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server?.stop())

beforeEach(async () => {
  schema = server.newSchema()
  storage = make(server.pool())
  await storage.open()
  kit = new Kit(storage as Storage<never>)
})
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

function make(pool: pg.Pool, options: { listen?: boolean } = {}): PostgresStorage {
  const made = postgresStorage({ pool, schema, ...options })
  opened.push(made)
  return made
}

interface Ear {
  heard(): number
  end(): void
}

/** Listens, and waits for the first call, which says that the connection stands. */
async function listenOn(listening: PostgresStorage): Promise<Ear> {
  let count = 0
  const end = listening.onWork(() => {
    count += 1
  })
  await vi.waitFor(() => expect(count).toBe(1), { timeout: 5_000 })
  return { heard: () => count - 1, end }
}

/** Waits for so many calls, and makes sure that there are no more: notifications keep their order. */
async function expectHeard(ear: Ear, count: number): Promise<void> {
  await vi.waitFor(() => expect(ear.heard()).toBe(count))
  const marker = make(server.pool({ max: 1 }))
  await marker.insertEvents({ events: [kit.event({ fanOut: false })] })
  await vi.waitFor(() => expect(ear.heard()).toBe(count + 1))
}

function listeners(): Promise<number> {
  return countOf(`query = 'LISTEN "${schema}.work"'`)
}

async function countOf(condition: string): Promise<number> {
  const { rows } = await server
    .pool({ max: 1 })
    .query(`SELECT count(*)::int AS count FROM pg_stat_activity WHERE ${condition}`)
  return rows[0].count
}

describe('onWork', () => {
  test('tells what others emit, re-queue, insert and give back', async () => {
    const ear = await listenOn(make(server.pool()))
    const { delivery } = await kit.addDelivery()
    await expectHeard(ear, 2)
    const [held] = await kit.claimed(0)
    const leases = [{ id: delivery.id, leaseToken: held?.leaseToken ?? '' }]
    await storage.releaseDeliveries({ now: kit.at(0), leases })
    const [again] = await kit.claimed(0)
    if (again) await kit.settle(kit.settlement(again, 'failed'))
    const { tenantId } = delivery
    await storage.requeueDeliveries({ tenantId, ids: [delivery.id], now: kit.at(0) })
    await expectHeard(ear, 2 + 1 + 2)
  })

  test('tells nobody of what is emitted under a lease, until it is given back', async () => {
    const ear = await listenOn(make(server.pool()))
    const lease = { leaseToken: 'lease', leaseUntil: kit.at(1_000) }
    const { id } = await kit.addEvent({ lease })
    await kit.addEvents(3, { lease })
    await expectHeard(ear, 0)
    await storage.releaseEvents({ now: kit.at(0), leases: [{ id, leaseToken: 'other' }] })
    await expectHeard(ear, 1)
    await storage.releaseEvents({ now: kit.at(0), leases: [{ id, leaseToken: 'lease' }] })
    await expectHeard(ear, 3)
  })

  test('tells of claimed events that are given back', async () => {
    const event = await kit.addEvent()
    await kit.claimEvents(0, { leaseToken: 'lease' })
    const ear = await listenOn(make(server.pool()))
    await storage.releaseEvents({ now: kit.at(0), leases: [{ id: event.id, leaseToken: 'lease' }] })
    await expectHeard(ear, 1)
  })

  test('does not tell what this process did itself', async () => {
    const ear = await listenOn(storage)
    await kit.addDelivery()
    await expectHeard(ear, 0)
  })

  test('does not tell of what was there already', async () => {
    const event = kit.event({ idempotencyKey: 'k' })
    await storage.insertEvents({ events: [event] })
    const ear = await listenOn(make(server.pool()))
    await storage.insertEvents({ events: [event, kit.event({ idempotencyKey: 'k' })] })
    await expectHeard(ear, 0)
  })

  test('tells of an event in a transaction when it commits, and not before, to all', async () => {
    const own = await listenOn(storage)
    const other = await listenOn(make(server.pool()))
    const client = await server.pool().connect()
    for (const [index, how] of ['ROLLBACK', 'COMMIT'].entries()) {
      await client.query('BEGIN')
      await storage.insertEvents({ events: [kit.event()], transaction: client })
      await expectHeard(other, index)
      await client.query(how)
    }
    await expectHeard(other, 3)
    await vi.waitFor(() => expect(own.heard()).toBe(4))
    client.release()
  })

  test('takes no connection of the pool, and one in all for many listeners', async () => {
    const pool = server.pool({ max: 1 })
    const listening = make(pool)
    const ears = [await listenOn(listening)]
    ears.push({ heard: () => 0, end: listening.onWork(() => {}) })
    expect(pool.totalCount - pool.idleCount).toBe(0)
    expect(await listening.nextDueAt({ exclude: [] })).toBeNull()
    expect(await listeners()).toBe(1)
    for (const { end } of ears) end()
    await vi.waitFor(async () => expect(await listeners()).toBe(0))
  })

  test('ends with the storage', async () => {
    const listening = make(server.pool())
    await listenOn(listening)
    await listening.close()
    await vi.waitFor(async () => expect(await listeners()).toBe(0))
  })

  test('connects again when its connection is lost, and tells that something may be missed', async () => {
    const ear = await listenOn(make(server.pool()))
    for (let loss = 1; loss <= 2; loss += 1) {
      const before = ear.heard()
      await server.pool({ max: 1 }).query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE query = 'LISTEN "${schema}.work"'`,
      )
      await vi.waitFor(() => expect(ear.heard()).toBe(before + 1), { timeout: 5_000 })
      await kit.addEvent()
      await vi.waitFor(() => expect(ear.heard()).toBe(before + 2))
    }
  })

  test('a listener that leaves while the connection is being made leaves nothing behind', async () => {
    const listening = make(server.pool())
    listening.onWork(() => {})()
    await kit.addEvent()
    await vi.waitFor(async () => expect(await listeners()).toBe(0))
    // And who comes next is served.
    await listenOn(listening)
  })

  test('gives up a connection that swallows what it is sent, and listens on another', async () => {
    const pool = server.pool()
    let swallowed = 0
    const wrapped = {
      query: (statement: pg.QueryConfig) => pool.query(statement),
      connect: async () => {
        const client = await pool.connect()
        const query = client.query.bind(client) as (sql: string) => unknown
        const dropsFirst = (sql: string) => {
          if (sql !== 'SELECT 1' || swallowed > 0) return query(sql)
          swallowed += 1
          return new Promise(() => {})
        }
        return Object.assign(client, { query: dropsFirst })
      },
    } as unknown as pg.Pool
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const ear = await listenOn(make(wrapped))
      await vi.advanceTimersByTimeAsync(38_000)
      expect(swallowed).toBe(1)
      expect(ear.heard()).toBe(0)
      await vi.advanceTimersByTimeAsync(3_000)
      await vi.waitFor(() => expect(ear.heard()).toBe(1))
      await kit.addEvent()
      await vi.waitFor(() => expect(ear.heard()).toBe(2))
    } finally {
      vi.useRealTimers()
    }
  })

  test('a pool that does not show how it connects lends a connection', async () => {
    const pool = server.pool()
    const wrapped = {
      query: (statement: pg.QueryConfig) => pool.query(statement),
      connect: () => pool.connect(),
    } as unknown as pg.Pool
    const ear = await listenOn(make(wrapped))
    expect(pool.totalCount - pool.idleCount).toBe(1)
    await kit.addEvent()
    await vi.waitFor(() => expect(ear.heard()).toBe(1))
    ear.end()
    expect(pool.totalCount).toBe(0)
  })
})

test('with listen: false nobody listens and nothing is sent', async () => {
  const ear = await listenOn(make(server.pool()))
  const quiet = make(server.pool(), { listen: false })
  quiet.onWork(() => {})()
  const other = new Kit(quiet as Storage<never>)
  await other.addEvent()
  const client = await server.pool({ max: 1 }).connect()
  await client.query('BEGIN')
  await quiet.insertEvents({ events: [kit.event()], transaction: client })
  await client.query('COMMIT')
  client.release()
  await expectHeard(ear, 0)
  expect(await listeners()).toBe(1)
})

test.each([true, false])(
  'with listen: %s, names of statements are left on a connection',
  async (listen) => {
    const pool = server.pool({ max: 1 })
    const made = make(pool, { listen })
    await made.open()
    const other = new Kit(made as Storage<never>)
    await other.addSettled('succeeded')
    await other.claimEvents(0)
    const { rows } = await pool.query('SELECT name FROM pg_prepared_statements')
    expect(rows.length > 0).toBe(listen)
  },
)

test('storages with different schemas share a pool', async () => {
  const pool = server.pool({ max: 1 })
  for (let count = 0; count < 2; count += 1) {
    const made = postgresStorage({ pool, schema: server.newSchema() })
    await made.open()
    const other = new Kit(made as Storage<never>)
    await other.addSettled('succeeded')
    expect((await other.addEvent()).position).toBe(2)
  }
})
