import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { createWebhooks, defineEvents } from '../../src/index.ts'
import { type PostgresTransaction, postgresStorage } from '../../src/storage/postgres/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'
import { Inbox } from '../processes/host.ts'
import { hasPgBouncer, type PgBouncer, startPgBouncer } from './pgbouncer.ts'
import { createPostgresFixture, transact } from './postgres-fixture.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** Postgres behind a real PgBouncer in transaction mode: each transaction on another connection. */

const howToInstall = 'pgbouncer is not installed: apt-get install pgbouncer'
if (!hasPgBouncer) console.warn(`PgBouncer is NOT TESTED here, for ${howToInstall}`)

test.runIf(!hasPgBouncer && process.env.CI === 'true')('CI tests behind PgBouncer', () => {
  expect.unreachable(howToInstall)
})

describe.skipIf(!hasPgBouncer)('behind PgBouncer in transaction mode', () => {
  let server: PostgresServer
  let bouncer: PgBouncer

  beforeAll(async () => {
    server = await startPostgres()
    bouncer = await startPgBouncer(server.connectionString, 'transaction')
  }, 60_000)
  afterAll(async () => {
    await bouncer?.stop()
    await server?.stop()
  }, 60_000)

  function pool(): pg.Pool {
    return server.pool({ connectionString: bouncer.connectionString })
  }

  // Large batches and random sequences are the same SQL once more: a few of them will do.
  testStorage<PostgresTransaction>({
    ...{ describe, test, batchSize: 500, randomRuns: 2 },
    capabilities: { reopen: true, transactions: true, loneSurrogates: true },
    createStorage: () => createPostgresFixture(server, { pool: pool(), listen: false }),
  })

  test('events are delivered, of transactions when they commit and not when they roll back', async () => {
    const schema = server.newSchema()
    const inbox = new Inbox()
    const start = () =>
      createWebhooks({
        events: defineEvents({ 'order.paid': z.object({ order: z.number() }) }),
        storage: postgresStorage({ pool: pool(), schema, listen: false }),
        transport: inbox.transport(),
      })
    const [one, other] = [start(), start()]
    onTestFinished(async () => {
      await one.stop()
      await other.stop()
    })
    await one.endpoints.create({ url: 'https://receiver.example/', events: ['*'] })
    await Promise.all([one.start(), other.start()])

    const hosts = pool()
    const emitted: string[] = []
    const emit = async (order: number, transaction?: PostgresTransaction) => {
      const options = { transaction, idempotencyKey: `order ${order}` }
      emitted.push((await one.emit('order.paid', { order }, options)).id)
    }
    await Promise.all(Array.from({ length: 50 }, (_, order) => emit(order)))
    await Promise.all(
      Array.from({ length: 20 }, (_, order) =>
        transact(hosts, (transaction) => emit(100 + order, transaction)),
      ),
    )
    const rolledBack = transact(hosts, async (transaction) => {
      await one.emit('order.paid', { order: 200 }, { transaction })
      throw new Error('the order is not paid after all')
    })
    await expect(rolledBack).rejects.toThrow('after all')
    await vi.waitFor(() => expect(inbox.receipts).toHaveLength(70), 15_000)
    await vi.waitFor(async () => expect((await one.stats()).backlog).toBe(0), 15_000)
    expect(inbox.eventIds.sort()).toEqual(emitted.sort())
  }, 60_000)

  test('a storage that would listen is refused when it is opened, with the way out', async () => {
    const storage = postgresStorage({ pool: pool(), schema: server.newSchema() })
    await expect(storage.open()).rejects.toMatchObject({
      code: 'storage_unsupported',
      message: expect.stringContaining('listen: false'),
    })
  }, 30_000)

  test('one behind a pooler that keeps connections is not, and hears of work', async () => {
    const keeping = await startPgBouncer(server.connectionString, 'session')
    const through = server.pool({ connectionString: keeping.connectionString })
    const storage = postgresStorage({ pool: through, schema: server.newSchema() })
    onTestFinished(async () => {
      await storage.close()
      await through.end()
      await keeping.stop()
    })
    await storage.open()
    const heard = vi.fn()
    storage.onWork(heard)
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), 10_000)
  }, 30_000)
})
