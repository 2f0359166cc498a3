import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { claim, newEndpoint, newEvent, openStorage, temporaryFile } from './fixtures.ts'

/** The storage's own connection: settings such as `synchronous` can be read nowhere else. */
let own: DatabaseSync

beforeEach(() => {
  const exec = DatabaseSync.prototype.exec
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (
    this: DatabaseSync,
    sql: string,
  ) {
    own = this
    exec.call(this, sql)
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

function setting(name: string): unknown {
  return Object.values(own.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

const [normal, full] = [1, 2]

test('what somebody was told is done survives a power failure; notes of the engine need not', async () => {
  const storage = await openStorage()
  expect(setting('journal_mode')).toBe('wal')
  expect(setting('foreign_keys')).toBe(1)
  // SQLite's own waiting blocks the thread.
  expect(setting('busy_timeout')).toBe(0)
  await storage.insertEvents({ events: [newEvent()] })
  expect(setting('synchronous')).toBe(full)
  await claim(storage)
  expect(setting('synchronous')).toBe(normal)
  await storage.insertEndpoint({ endpoint: newEndpoint() })
  expect(setting('synchronous')).toBe(full)
})

test('with `synchronous: normal` nothing waits for the disk', async () => {
  const storage = await openStorage({ path: temporaryFile(), synchronous: 'normal' })
  await storage.insertEvents({ events: [newEvent()] })
  expect(setting('synchronous')).toBe(normal)
})

test('a full disk fails the write whole, and the next one works when there is room', async () => {
  const storage = await openStorage()
  const small = newEvent()
  await storage.insertEvents({ events: [small] })
  const pages = Number(setting('page_count'))
  own.exec(`PRAGMA max_page_count = ${pages + 5}`)
  const events = [newEvent(), newEvent({ body: 'x'.repeat(100_000) })]
  await expect(storage.insertEvents({ events })).rejects.toMatchObject({
    code: 'ERR_SQLITE_ERROR',
    errcode: 13,
  })
  const ids = [small, ...events].map((event) => event.id)
  expect(await storage.getEvents({ tenantId: 'tenant', ids })).toHaveLength(1)
  own.exec('PRAGMA max_page_count = 1000000')
  await storage.insertEvents({ events })
  expect(await storage.getEvents({ tenantId: 'tenant', ids })).toHaveLength(3)
})

test('a write that fails half-way leaves nothing, and the next one works', async () => {
  const storage = await openStorage()
  const events = [newEvent(), newEvent({ createdAt: new Date(Number.NaN) })]
  await expect(storage.insertEvents({ events })).rejects.toMatchObject({ errcode: 1299 })
  const ids = events.map((event) => event.id)
  expect(await storage.getEvents({ tenantId: 'tenant', ids })).toEqual([])
  await storage.insertEvents({ events: events.slice(0, 1) })
  expect(await storage.getEvents({ tenantId: 'tenant', ids })).toHaveLength(1)
})
