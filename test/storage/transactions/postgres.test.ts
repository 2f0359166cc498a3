import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWebhooks, type TenantWebhooks } from '../../../src/index.ts'
import { type PostgresTransaction, postgresStorage } from '../../../src/storage/postgres/index.ts'
import { events } from '../../support.ts'
import { type PostgresServer, startPostgres } from '../postgres-server.ts'
import { libraries } from './libraries/index.ts'
import type { Host, Inside } from './libraries/library.ts'
import { recordingTransport } from './recording-transport.ts'

/** `emit` inside a transaction of the host, through each library that has a wrapper. */

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server?.stop())

test.each([
  ['a pool', () => server.pool()],
  ['a function', () => () => {}],
  ['nothing that runs statements', () => ({})],
  ['what is of TypeORM', () => ({ query() {}, getRepository() {} })],
  ['null', () => null],
])('%s is refused, with what to pass instead', async (_, wrong) => {
  const storage = postgresStorage({ pool: server.pool(), schema: server.newSchema() })
  const webhooks = createWebhooks({ events, storage, transport: recordingTransport() })
  const transaction = wrong() as never
  const emitted = webhooks.emit('order.paid', { orderId: '1' }, { transaction })
  await expect(emitted).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringMatching(/[Pp]ass /),
  })
  expect((await webhooks.events.list()).total).toBe(0)
  await webhooks.stop()
})

test('keys in opposite orders are a deadlock, of which one transaction survives', async () => {
  const pool = server.pool()
  const storage = postgresStorage({ pool, schema: server.newSchema() })
  const webhooks = createWebhooks({ events, storage, transport: recordingTransport() })
  const clients = [await pool.connect(), await pool.connect()]
  function emitAll(idempotencyKey: string, transaction: PostgresTransaction) {
    return webhooks.emit('order.paid', { orderId: '1' }, { transaction, idempotencyKey })
  }
  const [one, two] = clients as [pg.PoolClient, pg.PoolClient]
  await one.query('BEGIN')
  await two.query('BEGIN')
  await emitAll('a', one)
  await emitAll('b', two)
  const ends = await Promise.all(
    [emitAll('b', one), emitAll('a', two)].map((emitted, index) =>
      emitted.catch((error) => error).finally(() => clients[index]?.query('COMMIT')),
    ),
  )
  const failed = ends.filter((end) => end instanceof Error)
  expect(failed).toMatchObject([{ code: 'storage_failed', cause: { code: '40P01' } }])
  expect((await webhooks.events.list()).total).toBe(2)
  for (const client of clients) client.release()
  await webhooks.stop()
})

test('a seam that does not answer with rows is told how to', async () => {
  const storage = postgresStorage({ pool: server.pool(), schema: server.newSchema() })
  const webhooks = createWebhooks({ events, storage, transport: recordingTransport() })
  const transaction = { query: async () => [] } as never
  const emitted = webhooks.emit('order.paid', { orderId: '1' }, { transaction })
  await expect(emitted).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('{ rows }'),
  })
  await webhooks.stop()
})

describe.each(libraries)('in a transaction of $name', (library) => {
  let pool: pg.Pool
  let host: Host
  let hostSchema: string
  /** With a question mark, which some libraries take for a placeholder. */
  let schema: string
  const transport = recordingTransport()
  let webhooks: ReturnType<typeof create>
  let tenant: TenantWebhooks<typeof events, PostgresTransaction>
  let tenants = 0

  function create() {
    return createWebhooks({ events, storage: postgresStorage({ pool, schema }), transport })
  }

  beforeAll(async () => {
    pool = server.pool()
    hostSchema = server.newSchema()
    schema = `${server.newSchema()} ?`
    await pool.query(`CREATE SCHEMA ${hostSchema}`)
    await pool.query(`CREATE TABLE ${hostSchema}.documents (id text PRIMARY KEY, status text)`)
    const { connectionString } = server
    host = await library.connect({ connectionString, schema: hostSchema })
    webhooks = create()
  }, 60_000)
  afterAll(async () => {
    await host?.close()
    await webhooks?.stop()
    await pool.query(`DROP SCHEMA ${hostSchema}, "${schema}" CASCADE`)
  })

  /** An endpoint, and whatever is emitted, of a tenant that no other test knows. */
  beforeEach(async () => {
    await delivered()
    tenants += 1
    tenant = webhooks.forTenant(`tenant ${tenants}`)
    await tenant.endpoints.create({ url: 'https://example.com/hooks', events: ['*'] })
    transport.sent.length = 0
  })

  function emit(transaction: PostgresTransaction | undefined, key?: string, orderId = '1') {
    return tenant.emit('order.paid', { orderId }, { transaction, idempotencyKey: key })
  }

  /** Ids of the events that arrived, once everything due is sent. */
  async function delivered(): Promise<string[]> {
    await webhooks.drain({ deadline: new Date(Date.now() + 15_000) })
    return transport.sent.map(({ id }) => id)
  }

  async function documents(): Promise<string[]> {
    const { rows } = await pool.query(`SELECT id FROM ${hostSchema}.documents ORDER BY id`)
    return rows.map(({ id }) => id)
  }

  /** A name of a document that no other test uses. */
  const named = (name: string) => `${tenants} ${name}`

  test('commit delivers', async () => {
    let id = ''
    await host.transact(async ({ transaction, addDocument }) => {
      await addDocument(named('commit'))
      const emitted = await emit(transaction)
      expect(emitted.duplicate).toBe(false)
      id = emitted.id
    })
    expect(await delivered()).toEqual([id])
    expect(await documents()).toContain(named('commit'))
  })

  test('nothing is sent, and nothing of an event is seen, before the commit', async () => {
    await host.transact(async ({ transaction }) => {
      await emit(transaction)
      expect(await delivered()).toEqual([])
      expect((await tenant.events.list()).total).toBe(0)
    })
    expect(await delivered()).toHaveLength(1)
  })

  test('rollback delivers nothing, and gives the key back', async () => {
    const wanted = new Error('the host changed its mind')
    const failed = host.transact(async ({ transaction, addDocument }) => {
      await addDocument(named('rollback'))
      await emit(transaction, 'k')
      throw wanted
    })
    await expect(failed).rejects.toBe(wanted)
    expect(await delivered()).toEqual([])
    expect(await documents()).not.toContain(named('rollback'))
    expect((await emit(undefined, 'k')).duplicate).toBe(false)
  })

  test('emitMany writes all of them', async () => {
    let ids: string[] = []
    await host.transact(async ({ transaction }) => {
      const emitted = await tenant.emitMany(
        [
          { type: 'order.paid', data: { orderId: '1' } },
          { type: 'user.created', data: { userId: '2' }, idempotencyKey: 'k' },
          { type: 'user.created', data: { userId: '2' }, idempotencyKey: 'k' },
        ],
        { transaction },
      )
      expect(emitted.map(({ duplicate }) => duplicate)).toEqual([false, false, true])
      ids = emitted.slice(0, 2).map(({ id }) => id)
    })
    expect((await delivered()).sort()).toEqual(ids.sort())
  })

  test('any text arrives as it was given', async () => {
    const text = `? ?? \\? $1 $10 :a ::b '' "" \\\\ {} 😀 \0 \u001a`
    await host.transact(async ({ transaction }) => {
      await emit(transaction, text, text)
      expect((await emit(transaction, text, text)).duplicate).toBe(true)
    })
    await delivered()
    expect(transport.sent.map(({ body }) => JSON.parse(body).data.orderId)).toEqual([text])
  })

  describe('an idempotency key', () => {
    test('holds within the transaction', async () => {
      let first = ''
      await host.transact(async ({ transaction }) => {
        first = (await emit(transaction, 'k')).id
        expect(await emit(transaction, 'k')).toMatchObject({ id: first, duplicate: true })
      })
      expect(await emit(undefined, 'k')).toMatchObject({ id: first, duplicate: true })
      expect(await delivered()).toEqual([first])
    })

    test('holds against what was committed before', async () => {
      const standing = await emit(undefined, 'k')
      await host.transact(async ({ transaction }) => {
        expect(await emit(transaction, 'k')).toEqual({ ...standing, duplicate: true })
      })
      expect(await delivered()).toEqual([standing.id])
    })

    test('holds against what another committed meanwhile', async () => {
      await host.transact(async ({ transaction, addDocument }) => {
        await addDocument(named('meanwhile'))
        const standing = await emit(undefined, 'k')
        expect(await emit(transaction, 'k')).toEqual({ ...standing, duplicate: true })
      })
      expect(await documents()).toContain(named('meanwhile'))
      expect(await delivered()).toHaveLength(1)
    })

    test.each(['commits', 'rolls back'])('of a transaction that %s is waited for', async (end) => {
      const isHeld = Promise.withResolvers<string>()
      const mayEnd = Promise.withResolvers<void>()
      const first = host.transact(async ({ transaction }) => {
        isHeld.resolve((await emit(transaction, 'k')).id)
        await mayEnd.promise
        if (end === 'rolls back') throw new Error('rolled back')
      })
      const firstEnded = first.catch(isHeld.reject)
      const id = await isHeld.promise
      const second = host.transact(async ({ transaction }) => {
        const emitted = await emit(transaction, 'k')
        expect(emitted.duplicate).toBe(end === 'commits')
        expect(emitted.id === id).toBe(end === 'commits')
      })
      // Another key is not in its way.
      await host.transact(async ({ transaction }) => void (await emit(transaction, 'other')))
      await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 10_000 })
      mayEnd.resolve()
      await firstEnded
      await second
      expect(await delivered()).toHaveLength(2)
    })

    test('under REPEATABLE READ, one committed meanwhile asks for a repetition', async () => {
      const standing = Promise.withResolvers<string>()
      let runs = 0
      async function work({ transaction, addDocument }: Inside) {
        runs += 1
        await addDocument(named(`repeated ${runs}`))
        if (runs === 1) standing.resolve((await emit(undefined, 'k')).id)
        const emitted = await emit(transaction, 'k')
        expect(emitted).toMatchObject({ id: await standing.promise, duplicate: true })
      }
      const isolation = 'repeatable read'
      await expect(host.transact(work, { isolation })).rejects.toMatchObject({
        code: 'storage_failed',
      })
      await host.transact(work, { isolation })
      expect(await documents()).not.toContain(named('repeated 1'))
      expect(await documents()).toContain(named('repeated 2'))
      expect(await delivered()).toHaveLength(1)
    })
  })

  /** Calls of ours that wait for somebody's lock. */
  async function waiting(): Promise<number> {
    const { rows } = await pool.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE $1`,
      [`%"${schema}".insert_event%`],
    )
    return rows[0].count
  }

  describe('an error in emit', () => {
    test('for what the event is leaves the transaction usable', async () => {
      await host.transact(async ({ transaction, addDocument }) => {
        await addDocument(named('before'))
        const invalid = tenant.emit('order.paid', { orderId: 1 } as never, { transaction })
        await expect(invalid).rejects.toMatchObject({ code: 'invalid_payload' })
        await addDocument(named('after'))
        await emit(transaction)
      })
      expect(await documents()).toEqual(expect.arrayContaining([named('before'), named('after')]))
      expect(await delivered()).toHaveLength(1)
    })

    test('from Postgres ends the transaction, even where the host swallows it', async () => {
      let rejected = false
      const ended = host.transact(async ({ transaction, addDocument }) => {
        await addDocument(named('swallowed'))
        await emit(transaction)
        await failToEmit(transaction)
        rejected = await addDocument(named('later')).then(
          () => false,
          () => true,
        )
      })
      const isTold = await ended.then(
        () => false,
        () => true,
      )
      expect(isTold).toBe(library.noticesRollback)
      expect(rejected).toBe(true)
      expect(await documents()).not.toContain(named('swallowed'))
      expect(await delivered()).toEqual([])
    })

    test('from Postgres is undone by a savepoint', async () => {
      let id = ''
      await host.transact(async ({ transaction, addDocument }) => {
        await addDocument(named('kept'))
        await transaction.query('SAVEPOINT before_emit', [])
        await failToEmit(transaction)
        await transaction.query('ROLLBACK TO SAVEPOINT before_emit', [])
        id = (await emit(transaction)).id
      })
      expect(await documents()).toContain(named('kept'))
      expect(await delivered()).toEqual([id])
    })

    test('from Postgres is undone by a nested transaction of the library', async (context) => {
      let id = ''
      await host.transact(async ({ transaction, addDocument, nest }) => {
        if (nest === undefined) return context.skip('it has none')
        await addDocument(named('outer'))
        const nested = nest(async (inner) => {
          await inner.addDocument(named('inner'))
          await failToEmit(inner.transaction)
          throw new Error('not this part')
        })
        await expect(nested).rejects.toThrow('not this part')
        id = (await emit(transaction)).id
      })
      expect(await documents()).toContain(named('outer'))
      expect(await documents()).not.toContain(named('inner'))
      expect(await delivered()).toEqual([id])
    })

    /** Waits in vain for a key that another transaction holds. */
    async function failToEmit(transaction: PostgresTransaction): Promise<void> {
      const other = await pool.connect()
      try {
        await other.query('BEGIN')
        await emit(other, 'held')
        await transaction.query("SET LOCAL lock_timeout = '10ms'", [])
        await expect(emit(transaction, 'held')).rejects.toMatchObject({ code: 'storage_failed' })
      } finally {
        await other.query('ROLLBACK')
        other.release()
      }
    }
  })

  test('no other table is read or locked, whoever holds it', async () => {
    const other = await pool.connect()
    const { rows: tables } = await other.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname = $1 AND tablename NOT IN ('events', 'fan_out_queue')`,
      [schema],
    )
    expect(tables.map(({ name }) => name)).toContain(`"${schema}".endpoints`)
    await other.query('BEGIN')
    await other.query(
      `LOCK TABLE ${tables.map(({ name }) => name).join(', ')} IN ACCESS EXCLUSIVE MODE`,
    )
    try {
      await host.transact(async ({ transaction }) => {
        await emit(transaction, 'k')
        await emit(transaction, 'k')
        expect((await tablesTouchedIn(transaction)).sort()).toEqual(['events', 'fan_out_queue'])
      })
    } finally {
      await other.query('ROLLBACK')
      other.release()
    }
    expect(await delivered()).toHaveLength(1)
  })

  /** Whatever a transaction has read or written, it holds a lock on until its end. */
  async function tablesTouchedIn(transaction: PostgresTransaction): Promise<string[]> {
    const { rows } = await transaction.query('SELECT pg_backend_pid()::text AS pid', [])
    const [{ pid }] = rows as [{ pid: string }]
    const touched = await pool.query(
      `SELECT DISTINCT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
        WHERE pid = $1 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)
          AND relkind = 'r'`,
      [pid, schema],
    )
    return touched.rows.map(({ relname }) => relname)
  }

  test.runIf(library.noticesEnd)('an emit that comes after the end is refused', async () => {
    const ended = Promise.withResolvers<PostgresTransaction>()
    await host.transact(async ({ transaction }) => ended.resolve(transaction))
    await expect(emit(await ended.promise)).rejects.toMatchObject({
      code: expect.stringMatching(/^(transaction_unsupported|storage_failed)$/),
    })
    expect((await tenant.events.list()).total).toBe(0)
  })

  test('what is no open transaction is refused before anything is written', async () => {
    const outside = async () => emit(host.outside())
    await expect(outside()).rejects.toMatchObject({ code: 'transaction_unsupported' })
    expect((await tenant.events.list()).total).toBe(0)
  })
})
