import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createPool, type Pool, type PoolOptions, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { capabilities, createFixture } from '../../examples/mariadb-storage/conformance.ts'
import { mariadbStorage } from '../../examples/mariadb-storage/index.ts'
import { createWebhooks, defineEvents } from '../../src/index.ts'
import { testStorage } from '../../src/testing/index.ts'
import { hasMariadb, type MariadbServer, startMariadb } from './mariadb-server.ts'
import { startReceiver } from './receiver.ts'

const howToInstall = 'mariadbd is not installed: apt-get install mariadb-server'
if (!hasMariadb) console.warn(`The MariaDB example is NOT TESTED here, for ${howToInstall}`)

test.runIf(!hasMariadb && process.env.CI === 'true')('CI tests the MariaDB example', () => {
  expect.unreachable(howToInstall)
})

describe.skipIf(!hasMariadb)('mariadbStorage', () => {
  let server: MariadbServer
  let databases = 0

  beforeAll(async () => {
    server = await startMariadb()
  }, 60_000)
  afterAll(() => server.stop())

  async function createDatabase(options: PoolOptions = {}): Promise<Pool> {
    databases += 1
    const database = `example_${databases}`
    const admin = createPool(server.url)
    await admin.query(`CREATE DATABASE ${database}`)
    await admin.end()
    const pool = createPool({ uri: server.url, database, ...options })
    onTestFinished(() => pool.end())
    return pool
  }

  testStorage({ describe, test, capabilities, createStorage: () => createFixture(server.url) })

  test('passes the suite under node:test as well', { timeout: 180_000 }, async () => {
    const file = new URL('../../examples/mariadb-storage/conformance.node.ts', import.meta.url)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--test', '--test-isolation=none', '--test-reporter=tap', fileURLToPath(file)],
      // Vitest's own settings would make node:test believe that it is a child of its own.
      { env: { PATH: process.env.PATH, MARIADB_URL: server.url }, maxBuffer: 2 ** 24 },
    )
    expect(stdout).toContain('late, under a token that has passed on, is dropped whole')
    expect(stdout).toMatch(/# fail 0/)
  })

  test('delivers what a transaction of the host emitted, and nothing of one that failed', async () => {
    const pool = await createDatabase()
    const receiver = await startReceiver()
    const webhooks = createWebhooks({
      events: defineEvents({ 'order.paid': z.object({ order: z.number() }) }),
      storage: mariadbStorage({ pool }),
      addressGuard: { allow: ['127.0.0.0/8'] },
    })
    const endpoint = await webhooks.endpoints.create({ url: receiver.url, events: ['order.*'] })
    await pool.query('CREATE TABLE orders (id INT PRIMARY KEY)')
    await webhooks.start()
    for (const [order, fails] of [
      [1, true],
      [2, false],
    ] as const) {
      const transaction = await pool.getConnection()
      await transaction.beginTransaction()
      await transaction.query('INSERT INTO orders VALUES (?)', [order])
      await webhooks.emit('order.paid', { order }, { transaction })
      await (fails ? transaction.rollback() : transaction.commit())
      transaction.release()
    }
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 10_000 })
    await webhooks.stop()
    receiver.close()
    expect(receiver.verified(endpoint.secret)).toMatchObject([{ data: { order: 2 } }])
  })

  describe('in a host’s transaction that has read already', () => {
    const event = {
      tenantId: 'default',
      type: 'order.paid',
      body: '{}',
      channels: [],
      traceparent: null,
      createdAt: new Date(),
      fanOut: true,
      lease: null,
    }

    async function openedStorage() {
      const pool = await createDatabase()
      const storage = mariadbStorage({ pool })
      await storage.open()
      await storage.insertEvents({ events: [{ ...event, id: 'evt_0', idempotencyKey: 'known' }] })
      const transaction = await pool.getConnection()
      await transaction.beginTransaction()
      // From here on its plain reads show the table as it is now.
      await transaction.query('SELECT * FROM webhooks_events')
      return { storage, transaction }
    }

    test('a key names the event that stands by now', async () => {
      const { storage, transaction } = await openedStorage()
      const standing = { ...event, id: 'evt_1', idempotencyKey: 'k' }
      await storage.insertEvents({ events: [standing] })
      const events = [{ ...event, id: 'evt_2', idempotencyKey: 'k' }]
      expect(await storage.insertEvents({ events, transaction })).toMatchObject([
        { id: 'evt_1', inserted: false },
      ])
      await transaction.commit()
      transaction.release()
    })

    test('nobody else waits for its end', async () => {
      const { storage, transaction } = await openedStorage()
      const events = ['known', 'new'].map((idempotencyKey, index) => ({
        ...event,
        id: `evt_${3 + index}`,
        idempotencyKey,
      }))
      await storage.insertEvents({ events, transaction })
      const others = ['evt_1', 'evt_5', 'evt_6'].map((id, index) => ({
        ...event,
        id,
        idempotencyKey: `other ${index}`,
      }))
      const answers = await storage.insertEvents({ events: others })
      expect(answers.map(({ inserted }) => inserted)).toEqual([true, true, true])
      const now = new Date()
      const leaseUntil = new Date(now.getTime() + 60_000)
      const claimed = await storage.claimEvents({ now, leaseUntil, leaseToken: 't', limit: 9 })
      expect(claimed.map(({ id }) => id).sort()).toEqual(['evt_0', 'evt_1', 'evt_5', 'evt_6'])
      await transaction.rollback()
      transaction.release()
    })
  })

  test('several processes may open an empty database at once', async () => {
    const pool = await createDatabase()
    const storages = Array.from({ length: 5 }, () => mariadbStorage({ pool }))
    await Promise.all(storages.map((storage) => storage.open()))
    const [versions] = await pool.query<RowDataPacket[]>('SELECT version FROM webhooks_schema')
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4])
  })

  describe('deliveries', () => {
    const now = new Date()

    async function withEvents(count: number) {
      const pool = await createDatabase()
      const storage = mariadbStorage({ pool })
      await storage.open()
      const common = {
        tenantId: 'default',
        type: 'a.b',
        body: '{}',
        channels: [],
        fanOut: false,
        lease: null,
      }
      const nothing = { idempotencyKey: null, traceparent: null }
      const events = Array.from({ length: count }, (_, index) => {
        return { ...common, ...nothing, id: `evt_${index}`, createdAt: now }
      })
      await storage.insertEvents({ events })
      const deliveries = events.map((event, index) => ({
        ...{ id: `dlv_${index}`, tenantId: event.tenantId, eventId: event.id, endpointId: 'ep_1' },
        ...{ eventType: 'a.b', status: 'pending' as const, cancelReason: null, dueAt: now },
        leaseToken: null,
        createdAt: now,
      }))
      return { pool, storage, deliveries }
    }

    test('of one event to one endpoint, added by many at once, are one', async () => {
      const { storage, deliveries } = await withEvents(1)
      const rivals = Array.from({ length: 8 }, (_, index) =>
        deliveries.map((delivery) => ({ ...delivery, id: `dlv_${index}` })),
      )
      const added = await Promise.all(
        rivals.map((each) => storage.insertDeliveries({ deliveries: each })),
      )
      expect(added.flat()).toHaveLength(1)
    })

    test('are changed although a deadlock came in between', async () => {
      const { pool, storage, deliveries } = await withEvents(40)
      const leased = deliveries.map((delivery) => ({ ...delivery, leaseToken: 't' }))
      await storage.insertDeliveries({ deliveries: leased })
      const host = await pool.getConnection()
      await host.beginTransaction()
      // The more a transaction has written, the less it is chosen to be rolled back.
      await host.query("UPDATE webhooks_deliveries SET step = 7 WHERE id > 'dlv_0'")
      const leases = ['dlv_0', 'dlv_1'].map((id) => ({ id, leaseToken: 't' }))
      const released = storage.releaseDeliveries({ now, leases })
      const waits = 'SELECT 1 FROM information_schema.INNODB_LOCK_WAITS'
      await vi.waitFor(
        async () => expect((await pool.query<RowDataPacket[]>(waits))[0]).not.toEqual([]),
        // The server makes this table anew when nobody has read it for 100 ms.
        { interval: 250, timeout: 10_000 },
      )
      await host.query("UPDATE webhooks_deliveries SET step = 7 WHERE id = 'dlv_0'")
      await host.commit()
      host.release()
      await released
      const delivery = await storage.getDelivery({ tenantId: 'default', id: 'dlv_1' })
      expect(delivery).toMatchObject({ leaseToken: null, step: 7 })
    })
  })

  test.each([
    ['another character set', { charset: 'LATIN1_SWEDISH_CI' }, '', /charset 'utf8mb4'/],
    ['text cut off', {}, '', /STRICT_TRANS_TABLES/],
    ['other escapes', {}, 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES', /NO_BACKSLASH_ESCAPES/],
  ])('refuses a pool with %s', async (_, options, mode, message) => {
    const pool = await createDatabase({ ...options, connectionLimit: 1 })
    await pool.query(`SET SESSION sql_mode = '${mode}'`)
    await expect(mariadbStorage({ pool }).open()).rejects.toThrow(message)
  })
})
