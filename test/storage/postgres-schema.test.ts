import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type PostgresPool,
  postgresSchemaSql,
  postgresStorage,
} from '../../src/storage/postgres/index.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** Opening: migrations, rights, and what is wrong with a server or a user. */

let server: PostgresServer
let owner: pg.Pool

beforeAll(async () => {
  server = await startPostgres()
  owner = server.pool()
}, 60_000)
afterAll(() => server?.stop())

const event = {
  id: 'evt_1',
  tenantId: 'default',
  type: 'document.processed',
  body: '{}',
  channels: [],
  idempotencyKey: null,
  traceparent: null,
  createdAt: new Date(),
  fanOut: true,
  lease: null,
}

/** A user without rights beyond those that everybody has, and a pool of its own. */
async function newUser(): Promise<{ user: string; pool: pg.Pool }> {
  const user = `user_${server.newSchema()}`
  await owner.query(`CREATE ROLE "${user}" LOGIN PASSWORD 'secret'`)
  const url = new URL(server.connectionString)
  url.username = user
  url.password = 'secret'
  return { user, pool: server.pool({ connectionString: url.toString() }) }
}

async function versionsOf(schema: string): Promise<number[]> {
  const { rows } = await owner.query(`SELECT version FROM "${schema}".migrations ORDER BY version`)
  return rows.map((row) => Number(row.version))
}

describe('migrations', () => {
  test('run once, however many processes open an empty database at the same moment', async () => {
    const schema = server.newSchema()
    const storages = Array.from({ length: 8 }, () =>
      postgresStorage({ pool: server.pool({ max: 2 }), schema }),
    )
    await Promise.all(storages.map((storage) => storage.open()))
    expect(await versionsOf(schema)).toEqual([1])
    await storages[0]?.insertEvents({ events: [event] })
    const found = await storages[7]?.getEvents({ tenantId: 'default', ids: ['evt_1'] })
    expect(found).toHaveLength(1)
  })

  test('leave nothing behind when they fail half-way', async () => {
    const schema = server.newSchema()
    // A table of the host's own that is in the way.
    await owner.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".lanes (id integer)`)
    const storage = postgresStorage({ pool: owner, schema })
    await expect(storage.open()).rejects.toThrow(/"lanes" already exists/)
    const { rows } = await owner.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [
      schema,
    ])
    expect(rows).toEqual([{ tablename: 'lanes' }])
    await owner.query(`DROP TABLE "${schema}".lanes`)
    await storage.open()
    expect(await versionsOf(schema)).toEqual([1])
  })

  test('an open connection of the host is not left in a transaction by a failure', async () => {
    const schema = server.newSchema()
    await owner.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".lanes (id integer)`)
    const pool = server.pool({ max: 1 })
    await expect(postgresStorage({ pool, schema }).migrate()).rejects.toThrow()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('are printed as plain SQL that makes the same schema', async () => {
    const [ours, theirs] = [server.newSchema(), server.newSchema()]
    await postgresStorage({ pool: owner, schema: ours }).migrate()
    await owner.query(postgresSchemaSql({ schema: theirs }))
    await postgresStorage({ pool: owner, schema: theirs, migrate: false }).open()
    expect(await shapeOf(theirs)).toEqual(await shapeOf(ours))
  })

  test('a schema of a newer release is worked on by the one before', async () => {
    const schema = server.newSchema()
    const storage = postgresStorage({ pool: owner, schema })
    await storage.migrate()
    await owner.query(`INSERT INTO "${schema}".migrations (version) VALUES (2), (3)`)
    await storage.open()
    expect(await versionsOf(schema)).toEqual([1, 2, 3])
  })

  test('without them, a schema that is missing or too old is refused with the way out', async () => {
    const schema = server.newSchema()
    const storage = postgresStorage({ pool: owner, schema, migrate: false })
    const refusal = { code: 'storage_outdated', message: expect.stringContaining('migrate()') }
    await expect(storage.open()).rejects.toMatchObject(refusal)
    await storage.migrate()
    await owner.query(`DELETE FROM "${schema}".migrations`)
    await expect(storage.open()).rejects.toMatchObject(refusal)
  })

  test('work under any name that can be quoted', async () => {
    await owner.query('CREATE TABLE IF NOT EXISTS public.bystander (id integer)')
    const attack = 'DROP TABLE public.bystander; --'
    const odd = ['Web "Hooks"', "o'clock \\", 'select', 'häuser', 'a.b', '%s']
    for (const name of [...odd, `"; ${attack}`, `'; ${attack}`, `\\'; ${attack}`, `*/ ${attack}`]) {
      const schema = `${name} ${server.newSchema().slice(-12)}`
      const storage = postgresStorage({ pool: owner, schema })
      await storage.open()
      await storage.insertEvents({ events: [event] })
      expect(await storage.claimEvents(claim)).toHaveLength(1)
      await owner.query(`DROP SCHEMA "${schema.replaceAll('"', '""')}" CASCADE`)
      await owner.query(postgresSchemaSql({ schema }))
      await storage.close()
    }
    expect((await owner.query('SELECT * FROM public.bystander')).rows).toEqual([])
  })

  test.each(['', 'pg_webhooks', 'x'.repeat(59), 'a\0b', 'a\nb', 'a$$b', 7, null])(
    'refuse %j as a name',
    (schema) => {
      const options = { pool: owner, schema: schema as string }
      expect(() => postgresStorage(options)).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      )
    },
  )
})

const claim = {
  now: new Date(),
  leaseToken: 'lease_1',
  leaseUntil: new Date(Date.now() + 60_000),
  limit: 10,
}

/** Columns, indexes and functions, without the schema's name. */
async function shapeOf(schema: string): Promise<unknown> {
  const { rows } = await owner.query(
    `SELECT table_name || '.' || column_name || ' ' || data_type AS line
        FROM information_schema.columns WHERE table_schema = $1
      UNION ALL SELECT replace(indexdef, $1, '') FROM pg_indexes WHERE schemaname = $1
      UNION ALL SELECT replace(pg_get_functiondef(oid), $1, '') FROM pg_proc
        WHERE pronamespace = $1::regnamespace
      ORDER BY line`,
    [schema],
  )
  expect(rows.length).toBeGreaterThan(80)
  return rows
}

describe('rights', () => {
  test('the owner of a schema needs no others', async () => {
    const { user, pool } = await newUser()
    const schema = server.newSchema()
    await owner.query(`CREATE SCHEMA "${schema}" AUTHORIZATION "${user}"`)
    const storage = postgresStorage({ pool, schema })
    await storage.open()
    await storage.insertEvents({ events: [event] })
    expect(await storage.claimEvents(claim)).toHaveLength(1)
  })

  test('a user who may not create the schema is told what to do', async () => {
    const { pool } = await newUser()
    const storage = postgresStorage({ pool, schema: server.newSchema() })
    await expect(storage.open()).rejects.toMatchObject({
      code: 'storage_forbidden',
      message: expect.stringContaining('AUTHORIZATION'),
    })
  })

  test('a user who may not use the schema gets the GRANTs, and they are enough', async () => {
    const { user, pool } = await newUser()
    const schema = server.newSchema()
    await postgresStorage({ pool: owner, schema }).migrate()
    const storage = postgresStorage({ pool, schema })
    const refusal = await storage.open().catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'storage_forbidden' })
    const { message } = refusal as Error
    const grants = message.slice(message.indexOf('GRANT')).replaceAll('<user>', `"${user}"`)
    await owner.query(grants)
    // Its tables are another's: the version alone is read as well.
    await storage.open()
    await storage.insertEvents({ events: [event] })
    expect(await storage.claimEvents(claim)).toHaveLength(1)
    await expect(storage.prune({ before: new Date(0), limit: 10 })).resolves.toEqual({
      deliveries: 0,
      events: 0,
    })
  })

  test('a single right that is missing is named', async () => {
    const { user, pool } = await newUser()
    const schema = server.newSchema()
    await postgresStorage({ pool: owner, schema }).migrate()
    await owner.query(`
      GRANT USAGE ON SCHEMA "${schema}" TO "${user}";
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${user}";
      GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "${schema}" TO "${user}";
      REVOKE DELETE ON "${schema}".schedule FROM "${user}"`)
    await expect(postgresStorage({ pool, schema }).open()).rejects.toMatchObject({
      code: 'storage_forbidden',
      message: expect.stringContaining('rights on schedule in'),
    })
  })

  test('the right to run functions is one of them, where nobody has it by default', async () => {
    const { user, pool } = await newUser()
    const schema = server.newSchema()
    await postgresStorage({ pool: owner, schema }).migrate()
    await owner.query(`
      REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA "${schema}" FROM PUBLIC;
      GRANT USAGE ON SCHEMA "${schema}" TO "${user}";
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${user}";
      GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "${schema}" TO "${user}"`)
    const storage = postgresStorage({ pool, schema })
    const refusal = await storage.open().catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: 'storage_forbidden',
      message: expect.stringContaining('claim_events'),
    })
    const { message } = refusal as Error
    const grants = message.slice(message.indexOf('GRANT')).replaceAll('<user>', `"${user}"`)
    await owner.query(grants)
    await storage.open()
    await storage.insertEvents({ events: [event, { ...event, id: 'evt_2' }] })
    expect(await storage.claimEvents(claim)).toHaveLength(2)
  })
})

test('functions that others put on the search path are not called', async () => {
  const trap = server.newSchema()
  // Each takes exactly what we pass, and would so be preferred to the server's own.
  await owner.query(`CREATE SCHEMA "${trap}";
    CREATE FUNCTION "${trap}".cardinality(text[]) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0';
    CREATE FUNCTION "${trap}".unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT (1 / 0)::text';
    CREATE FUNCTION "${trap}".joined(text[], text[]) RETURNS text[] LANGUAGE sql
      AS 'SELECT ARRAY[(1 / 0)::text]';
    CREATE OPERATOR "${trap}".|| (LEFTARG = text[], RIGHTARG = text[], FUNCTION = "${trap}".joined)`)
  const pool = server.pool({ options: `-c search_path=${trap}` })
  const storage = postgresStorage({ pool, schema: server.newSchema() })
  await storage.open()
  const lease = { leaseToken: 'lease_1', leaseUntil: new Date(claim.now.getTime() + 60_000) }
  const named = (id: string) => ({ ...event, id, lease })
  await storage.insertEvents({ events: [named('evt_1'), named('evt_2')] })
  await storage.insertEvents({ events: [named('evt_3')] })
  await storage.insertEvents({ events: [event, { ...event, id: 'evt_4' }] })
  const missing = { tenantId: 'default', endpointId: 'ep_1', after: null, limit: 10 }
  await storage.listEventsWithoutDelivery({
    ...{ ...missing, since: new Date(0), until: new Date(claim.now.getTime() + 60_000) },
  })
  expect(await storage.claimEvents(claim)).toHaveLength(1)
  const leases = ['evt_1', 'evt_2', 'evt_3'].map((id) => ({ id, leaseToken: 'lease_1' }))
  await storage.releaseEvents({ now: claim.now, leases })
  expect(await storage.claimEvents(claim)).toHaveLength(3)
})

describe('a server or pool that cannot be worked with', () => {
  test.each([
    ['nobody listens', { connectionString: 'postgres://nobody@127.0.0.1:1/none' }],
    ['the password is wrong', { password: 'wrong' }],
    ['there is no such database', { database: 'nowhere' }],
  ])('%s', async (_, config) => {
    const { hostname, port } = new URL(server.connectionString)
    const known = { connectionString: undefined, host: hostname, port: Number(port) }
    const user = { user: 'postgres', password: 'password', database: 'postgres' }
    const pool = server.pool({ ...known, ...user, ...config })
    await expect(postgresStorage({ pool }).open()).rejects.toMatchObject({
      code: 'storage_unreachable',
      message: expect.stringMatching(/ECONNREFUSED|password|nowhere/),
    })
  })

  test('a pool that has no connection left', async () => {
    const pool = server.pool({ max: 1 })
    const taken = await pool.connect()
    // From here on: a loaded machine may take longer to connect at all.
    pool.options.connectionTimeoutMillis = 50
    const storage = postgresStorage({ pool, schema: server.newSchema() })
    await expect(storage.open()).rejects.toMatchObject({
      code: 'storage_unreachable',
      message: expect.stringContaining('free connection'),
    })
    taken.release()
    await storage.open()
  })

  test('a read-only server', async () => {
    const pool = server.pool({ options: '-c default_transaction_read_only=on' })
    await expect(postgresStorage({ pool }).open()).rejects.toMatchObject({
      code: 'storage_read_only',
      message: expect.stringContaining('primary'),
    })
  })

  test('an isolation level under which a claim would not see what was just committed', async () => {
    const pool = server.pool({ options: '-c default_transaction_isolation=serializable' })
    await expect(postgresStorage({ pool }).open()).rejects.toMatchObject({
      code: 'storage_unsupported',
      message: expect.stringContaining('read\\\\ committed'),
    })
  })

  test('a database in an encoding that cannot hold every text', async () => {
    const database = server.newSchema()
    await owner.query(
      `CREATE DATABASE "${database}" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`,
    )
    const url = new URL(server.connectionString)
    url.pathname = `/${database}`
    const pool = server.pool({ connectionString: url.toString() })
    await expect(postgresStorage({ pool }).open()).rejects.toMatchObject({
      code: 'storage_unsupported',
      message: expect.stringContaining('LATIN1'),
    })
    await pool.end()
    await owner.query(`DROP DATABASE "${database}"`)
  })

  test('a server before 13', async () => {
    // The same server, lying about its age: no older one can be had here.
    const pool: PostgresPool = {
      connect: () => owner.connect(),
      async query(statement) {
        const { rows } = await owner.query(statement)
        return { rows: rows.map((row) => ({ ...row, version: '12.22', version_num: '120022' })) }
      },
    }
    await expect(postgresStorage({ pool }).open()).rejects.toMatchObject({
      code: 'storage_unsupported',
      message: expect.stringContaining('12.22 is too old'),
    })
  })

  test.each([undefined, null, {}, { query: () => {} }, 'postgres://'])(
    '%j for a pool is refused at once',
    (pool) => {
      expect(() => postgresStorage({ pool: pool as unknown as PostgresPool })).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      )
    },
  )
})

describe('the host’s pool', () => {
  test('is never ended, and its type parsers do not matter', async () => {
    const schema = server.newSchema()
    const parsers = { getTypeParser: () => () => 'never this' }
    const pool = server.pool({ types: parsers } as pg.PoolConfig)
    const storage = postgresStorage({ pool, schema })
    await storage.open()
    await storage.insertEvents({ events: [event] })
    const [stored] = await storage.getEvents({ tenantId: 'default', ids: ['evt_1'] })
    expect(stored).toEqual({ ...asStored(event), position: 1 })
    await storage.close()
    expect(pool.ended).toBe(false)
    await expect(pool.query('SELECT 1')).resolves.toBeDefined()
  })

  test('a setting of a session changes nothing', async () => {
    const schema = server.newSchema()
    const options = [
      '-c search_path=pg_catalog',
      '-c DateStyle=German',
      '-c TimeZone=Asia/Kathmandu',
      '-c standard_conforming_strings=off',
      '-c backslash_quote=off',
      '-c enable_indexscan=off',
    ].join(' ')
    const storage = postgresStorage({ pool: server.pool({ options }), schema })
    await storage.open()
    const odd = { ...event, body: 'back\\slash "quotes" \'single\' {braces}' }
    await storage.insertEvents({ events: [odd] })
    const [claimed] = await storage.claimEvents(claim)
    expect(claimed).toEqual({ ...asStored(odd), position: 1 })
  })
})

function asStored({ fanOut: _, lease: __, ...rest }: typeof event) {
  return rest
}
