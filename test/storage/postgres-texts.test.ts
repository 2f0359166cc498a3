import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

let server: PostgresServer
let storage: Storage<unknown>

beforeAll(async () => {
  server = await startPostgres()
  const pool = server.pool()
  storage = postgresStorage({ pool, schema: server.newSchema(), listen: false })
  await storage.open()
}, 60_000)
afterAll(async () => {
  await storage?.close()
  await server?.stop()
})

/** Any text, most often of what has a meaning on the way to Postgres. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', '\u001a', '\u001e', '\u001f', '\\', '"', ',', '{', '}', 'NULL', '\ud800'),
    fc.constantFrom('001f', '\u001a001f', '\u001a001e'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 6,
})

test('texts of many rows in one write come back as given, none of them as its neighbour', async () => {
  let count = 0
  const rows = fc.array(fc.tuple(text, fc.option(text)), { minLength: 2, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      const events = given.map(([body, key]) => {
        count += 1
        return {
          ...{ id: `evt_${count}`, tenantId: 'default', type: body, body, channels: [body] },
          ...{ traceparent: null, createdAt: new Date(0), fanOut: false, lease: null },
          idempotencyKey: key === null ? null : `${count} ${key}`,
        }
      })
      await storage.insertEvents({ events })
      const ids = events.map(({ id }) => id)
      const stored = await storage.getEvents({ tenantId: 'default', ids })
      for (const { fanOut: _, lease: __, ...event } of events) {
        expect(stored.find(({ id }) => id === event.id)).toMatchObject(event)
      }
    }),
    { numRuns: 300 },
  )
})
