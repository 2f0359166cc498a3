import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { createWebhooks, defineEvents, type Webhooks, WebhooksError } from '../../src/index.ts'
import { repeatedly } from '../../src/storage/postgres/database.ts'
import {
  type PostgresPool,
  type PostgresTransaction,
  postgresStorage,
} from '../../src/storage/postgres/index.ts'
import { hostClock, Inbox } from '../processes/host.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** The whole engine on a Postgres that fails: what callers are told, and that nothing is lost. */

const events = defineEvents({ 'fault.probe': z.object({ number: z.number() }) })
/** A lease of two seconds of ours, and a request that can outlast half of it. */
const limits = { timeoutMs: 15_000, connectTimeoutMs: 1_000, leaseMs: 20_000 }
const speed = 10

let server: PostgresServer
let owner: pg.Pool

beforeAll(async () => {
  server = await startPostgres()
  owner = server.pool()
}, 60_000)
afterAll(() => server?.stop())

interface World {
  schema: string
  /** May read and write rows, and nothing else. */
  role: string
  pool: pg.Pool
  inbox: Inbox
  webhooks: Webhooks<typeof events, PostgresTransaction>
  /** Faults that the worker met. */
  faults: unknown[]
  emit(number: number): Promise<string>
  /** Waits until nothing is left to do. */
  finish(): Promise<void>
}

/** An engine at work, with one endpoint, on a schema and under a role of its own. */
async function enter(wrap: (pool: pg.Pool) => PostgresPool = (pool) => pool): Promise<World> {
  const schema = server.newSchema()
  const role = `role_${schema}`
  const judge = postgresStorage({ pool: owner, schema })
  await judge.migrate()
  await owner.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'secret';
    GRANT USAGE ON SCHEMA "${schema}" TO "${role}";
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${role}";
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "${schema}" TO "${role}"`)
  const url = new URL(server.connectionString)
  Object.assign(url, { username: role, password: 'secret' })
  const pool = server.pool({ connectionString: url.toString(), max: 5 })
  const inbox = new Inbox()
  const webhooks = createWebhooks({
    ...{ events, limits, clock: hostClock({ speed }), transport: inbox.transport() },
    storage: postgresStorage({ pool: wrap(pool), schema, migrate: false }),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const faults: unknown[] = []
  webhooks.on('storage.failed', ({ error }) => void faults.push(error))
  await webhooks.endpoints.create({ url: 'https://receiver.example/', events: ['*'] })
  await webhooks.start()
  return {
    ...{ schema, role, pool, inbox, webhooks, faults },
    emit: async (number) => (await webhooks.emit('fault.probe', { number })).id,
    async finish() {
      const idle = async () => expect(await judge.nextDueAt({ exclude: [] })).toBeNull()
      await vi.waitFor(idle, { timeout: 30_000, interval: 50 })
    },
  }
}

async function endConnectionsOf(role: string): Promise<void> {
  await owner.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
    role,
  ])
}

describe('a connection that is lost', () => {
  /** Each with a piece of its statement. */
  const steps = [
    ['an emit', 'insert_event'],
    ['the claim of events', 'claim_events('],
    ['the look-up of subscribers', 'active_position <'],
    ['the fan-out', 'fan_out('],
    ['the claim of deliveries', 'claim_deliveries('],
    ['the renewal of leases', 'renew_leases('],
    ['a settlement', 'settle_deliveries('],
    ['the look for what is due next', 'next_due_at('],
  ] as const
  const cases = steps.flatMap(([name, sql]) =>
    (['before', 'after'] as const).map((when) => ({ when, name, sql })),
  )

  test.concurrent.each(cases)(
    '$when $name costs nothing',
    async ({ when, sql }) => {
      let struck = 0
      const isArmed = { now: false }
      /** Ends the backend for real: the statement fails as `pg` makes it fail. */
      async function strike(
        pool: pg.Pool,
        statement: pg.QueryConfig,
      ): Promise<{ rows: unknown[] }> {
        isArmed.now = false
        struck += 1
        const client = await pool.connect()
        // `pg` may tell of one loss twice: what the server said, and that the connection ended.
        const lost = new Promise((resolve) => client.on('error', resolve))
        try {
          const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
          if (when === 'after') await client.query(statement)
          await owner.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
          await lost
          return await client.query(statement)
        } finally {
          client.release(true)
        }
      }
      const world = await enter((pool) => ({
        connect: () => pool.connect(),
        query: (statement) =>
          isArmed.now && statement.text.includes(sql)
            ? strike(pool, statement as pg.QueryConfig)
            : pool.query(statement as pg.QueryConfig),
      }))
      // Longer than half of a lease.
      world.inbox.answer = async () => {
        if (sql.startsWith('renew')) await sleep(12_000 / speed)
        return { status: 200 }
      }
      isArmed.now = true
      const ids = await Promise.all(Array.from({ length: 20 }, (_, number) => world.emit(number)))
      await vi.waitFor(() => expect(struck).toBe(1), { timeout: 30_000 })
      await world.finish()
      expect(world.inbox.eventIds.sort()).toEqual(ids.sort())
      const { items } = await world.webhooks.deliveries.list({ limit: 100 })
      expect(items.map(({ status, attempts }) => [status, attempts])).toEqual(
        ids.map(() => ['succeeded', 1]),
      )
      await world.webhooks.stop()
    },
    90_000,
  )

  test('between two statements of a migration does not end the process', async () => {
    const schema = server.newSchema()
    const pool = server.pool({ max: 1 })
    /** As the pool lends it, with nobody who listens for errors; it is lost after the first lock. */
    async function connect(): Promise<pg.PoolClient> {
      const client = await pool.connect()
      const query = client.query.bind(client) as (statement: unknown) => Promise<unknown>
      const losing = async (statement: unknown) => {
        const answer = await query(statement)
        if (!String(statement).includes('advisory')) return answer
        const ended = new Promise((resolve) => client.once('end', resolve))
        await owner.query('SELECT pg_terminate_backend($1)', [
          (client as { processID?: number }).processID,
        ])
        await ended
        return answer
      }
      return Object.assign(client, { query: losing }) as pg.PoolClient
    }
    const query = (statement: unknown) => pool.query(statement as pg.QueryConfig)
    await expect(
      postgresStorage({ pool: { query, connect }, schema }).migrate(),
    ).rejects.toMatchObject({
      code: 'storage_unreachable',
    })
    await postgresStorage({ pool, schema }).open()
  })

  test('during a migration leaves nothing behind, and it can be repeated', async () => {
    const schema = server.newSchema()
    const pool = server.pool({ max: 1 })
    // In the way until the migration waits for it.
    const blocker = await owner.connect()
    await blocker.query(`BEGIN; CREATE SCHEMA "${schema}"`)
    const storage = postgresStorage({ pool, schema })
    const migrating = storage.migrate()
    const refusal = expect(migrating).rejects.toMatchObject({
      name: 'WebhooksError',
      code: 'storage_unreachable',
      message: expect.stringContaining('stays as it was'),
    })
    const waiting = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND query LIKE '%CREATE SCHEMA "${schema}"%'`
    await vi.waitFor(async () => expect((await owner.query(waiting)).rowCount).toBe(1), 10_000)
    await refusal
    await blocker.query('ROLLBACK')
    blocker.release()
    await storage.migrate()
    await storage.open()
  })
})

/** What fails for as long as it lasts, how it ends, and what callers are told meanwhile. */
interface Lasting {
  name: string
  begin(world: World): Promise<() => Promise<void>>
  code: string
  wayOut: string
}

async function run(begin: string, end: string): Promise<() => Promise<void>> {
  // They lock tables one after the other, as the engine does that is at work: one may have to yield.
  await repeatedly(() => owner.query(begin))
  return async () => {
    await repeatedly(() => owner.query(end))
  }
}

const lasting: Lasting[] = [
  {
    name: 'a pool that is exhausted',
    async begin({ pool }) {
      pool.options.connectionTimeoutMillis = 100
      const taken = await Promise.all(Array.from({ length: 5 }, () => taking(pool)))
      return async () => {
        pool.options.connectionTimeoutMillis = 10_000
        for (const client of taken) client.release()
      }
    },
    code: 'storage_unreachable',
    wayOut: 'raise max of the pool',
  },
  {
    name: 'a server that lets nobody in',
    async begin({ role }) {
      const end = await run(`ALTER ROLE "${role}" NOLOGIN`, `ALTER ROLE "${role}" LOGIN`)
      await endConnectionsOf(role)
      return end
    },
    code: 'storage_unreachable',
    wayOut: 'user, password and database',
  },
  {
    name: 'a server without a connection to spare',
    async begin({ role }) {
      const limit = (count: number) => `ALTER ROLE "${role}" CONNECTION LIMIT ${count}`
      const end = await run(limit(0), limit(-1))
      await endConnectionsOf(role)
      return end
    },
    code: 'storage_unreachable',
    wayOut: 'max_connections',
  },
  {
    name: 'a server that has become read-only',
    async begin({ role }) {
      const end = await run(
        `ALTER ROLE "${role}" SET default_transaction_read_only = on`,
        `ALTER ROLE "${role}" RESET default_transaction_read_only`,
      )
      await endConnectionsOf(role)
      return async () => {
        await end()
        await endConnectionsOf(role)
      }
    },
    code: 'storage_read_only',
    wayOut: 'pool on the primary',
  },
  {
    name: 'a disk that is full',
    // As the server says it, at every write.
    begin: async ({ schema }) => {
      await owner.query(`CREATE FUNCTION "${schema}".disk_full() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN
          RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
        END $$`)
      const tables = ['events', 'fan_out_queue', 'deliveries', 'schedule', 'attempts', 'lanes']
      const all = (sql: (table: string) => string) => tables.map(sql).join(';')
      return run(
        all(
          (table) => `CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON "${schema}".${table}
            EXECUTE FUNCTION "${schema}".disk_full()`,
        ),
        all((table) => `DROP TRIGGER full_disk ON "${schema}".${table}`),
      )
    },
    code: 'storage_full',
    wayOut: 'Make room',
  },
  {
    name: 'a right that was taken away',
    begin: ({ schema, role }) =>
      run(
        `REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA "${schema}" FROM "${role}"`,
        `GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA "${schema}" TO "${role}"`,
      ),
    code: 'storage_forbidden',
    wayOut: 'Grant the right',
  },
  {
    name: 'a schema that is gone',
    begin: ({ schema }) =>
      run(
        `ALTER SCHEMA "${schema}" RENAME TO "${schema}_gone"`,
        `ALTER SCHEMA "${schema}_gone" RENAME TO "${schema}"`,
      ),
    code: 'storage_outdated',
    wayOut: 'check the name of the schema',
  },
  {
    name: 'statements that may not take as long as they do',
    async begin({ schema, role }) {
      const end = await run(
        `ALTER ROLE "${role}" SET lock_timeout = 20`,
        `ALTER ROLE "${role}" RESET lock_timeout`,
      )
      await endConnectionsOf(role)
      const blocker = await owner.connect()
      await blocker.query(
        `BEGIN; LOCK TABLE "${schema}".events, "${schema}".fan_out_queue IN ACCESS EXCLUSIVE MODE`,
      )
      return async () => {
        await blocker.query('ROLLBACK')
        blocker.release()
        await end()
      }
    },
    code: 'storage_failed',
    wayOut: 'lock_timeout',
  },
]

/** Patient, however short the pool's own patience is. */
async function taking(pool: pg.Pool): Promise<pg.PoolClient> {
  for (;;) {
    const client = await pool.connect().catch(() => null)
    if (client !== null) return client
  }
}

describe('a fault that lasts', () => {
  test.concurrent.each(lasting)(
    '$name: emit says so and stores nothing, the worker waits, and all goes on by itself',
    async ({ begin, code, wayOut }) => {
      const world = await enter()
      const { inbox, faults } = world
      const kept = [await world.emit(0)]
      // Not settled yet when the fault begins.
      let answerNow: () => void = () => {}
      const answer = new Promise<void>((resolve) => {
        answerNow = resolve
      })
      inbox.answer = async () => {
        await answer
        return { status: 200 }
      }
      await vi.waitFor(() => expect(inbox.receipts).toHaveLength(1), 10_000)
      const end = await begin(world)
      answerNow()
      const refusals = await Promise.all([1, 2, 3].map((number) => refusalOf(world.emit(number))))
      for (const refusal of refusals) {
        expect(refusal).toBeInstanceOf(WebhooksError)
        expect(refusal).toMatchObject({ code, message: expect.stringContaining(wayOut) })
      }
      const met = () => expect(faults).toContainEqual(expect.objectContaining({ code }))
      await vi.waitFor(met, { timeout: 20_000, interval: 50 })
      await end()
      const late = await vi.waitFor(() => world.emit(4), { timeout: 20_000, interval: 100 })
      kept.push(late)
      await world.finish()
      // A settlement that could not be written for longer than a lease is the one excuse.
      expect(new Set(inbox.eventIds)).toEqual(new Set(kept))
      const { items, total } = await world.webhooks.events.list()
      expect(items.map(({ id }) => id).sort()).toEqual(kept.sort())
      expect(total).toBe(2)
      // It backs off: twice as long each time, and not as fast as it can.
      expect(faults.length).toBeLessThan(25)
      await world.webhooks.stop()
    },
    90_000,
  )
})

async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it pretended success',
    (error: unknown) => error,
  )
}
