import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { type SqliteStorageOptions, sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { newEndpoint, newEvent, openStorage, temporaryFile, temporaryFolder } from './fixtures.ts'

describe('options', () => {
  const wrong: [string, object][] = [
    ['no path', {}],
    ['an empty path', { path: '' }],
    ['a path that is no text', { path: 7 }],
    ['an unknown synchronous', { path: 'x.db', synchronous: 'off' }],
    ['a negative busyTimeoutMs', { path: 'x.db', busyTimeoutMs: -1 }],
    ['a fractional busyTimeoutMs', { path: 'x.db', busyTimeoutMs: 0.5 }],
  ]
  test.each(wrong)('%s is refused', (_, options) => {
    expect(() => sqliteStorage(options as SqliteStorageOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })
})

describe('what cannot be opened says what to do', () => {
  async function refusal(path: string): Promise<Error> {
    const storage = sqliteStorage({ path })
    const error = await storage.open().then(
      () => new Error('It opened'),
      (reason: Error) => reason,
    )
    expect(error).toMatchObject({ code: 'storage_failed' })
    expect(error.message).toContain(path)
    return error
  }

  test('a file that is not a database', async () => {
    const path = temporaryFile()
    writeFileSync(path, 'This is not a database, and it is long enough to tell. '.repeat(20))
    const error = await refusal(path)
    expect(error.message).toContain('not an SQLite database')
    expect(error.cause).toMatchObject({ errcode: 26 })
  })

  test('a folder that is missing', async () => {
    expect((await refusal(join(temporaryFolder(), 'none', 'x.db'))).message).toContain('folder')
  })

  test('a path that is a folder', async () => {
    const path = join(temporaryFolder(), 'folder')
    mkdirSync(path)
    expect((await refusal(path)).message).toContain('that it is a file')
  })

  test('a file of a later release', async () => {
    const path = temporaryFile()
    await (await openStorage({ path })).insertEvents({ events: [newEvent()] })
    const connection = new DatabaseSync(path)
    connection.exec("UPDATE webhooks_state SET value = 99 WHERE name = 'schema_version'")
    const error = await refusal(path)
    expect(error.message).toContain('version 99')
    expect(error.message).toContain('install')
    // Nothing was done to it.
    const rows = connection.prepare('SELECT count(*) AS count FROM webhooks_events').get()
    expect(rows?.count).toBe(1)
    connection.close()
  })

  test('and a second try works once the way is clear', async () => {
    const folder = join(temporaryFolder(), 'later')
    const storage = sqliteStorage({ path: join(folder, 'x.db') })
    await expect(storage.open()).rejects.toMatchObject({ code: 'storage_failed' })
    mkdirSync(folder)
    await storage.open()
    await storage.insertEndpoint({ endpoint: newEndpoint() })
    await storage.close()
  })
})

test('a database of the host keeps its tables, its version and its data', async () => {
  const path = temporaryFile()
  const connection = new DatabaseSync(path)
  connection.exec(`CREATE TABLE events (name TEXT); INSERT INTO events VALUES ('mine');
    PRAGMA user_version = 7`)
  const storage = await openStorage({ path })
  await storage.insertEvents({ events: [newEvent()] })
  expect(connection.prepare('SELECT name FROM events').get()).toMatchObject({ name: 'mine' })
  expect(connection.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 7 })
  const names = connection.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
  const ours = names.all().filter(({ name }) => name !== 'events')
  expect(ours.length).toBeGreaterThan(10)
  for (const { name } of ours) expect(name).toMatch(/^webhooks_/)
  connection.close()
})

test('before it is open and after it is closed, a call says so', async () => {
  const storage = sqliteStorage({ path: temporaryFile() })
  const call = () => storage.getEndpoint({ tenantId: 'tenant', id: 'ep_1' })
  await expect(call()).rejects.toMatchObject({ code: 'storage_closed' })
  await storage.open()
  expect(await call()).toBeNull()
  await storage.close()
  await expect(call()).rejects.toMatchObject({ code: 'storage_closed' })
})

test('memory keeps what it is given, apart from every other storage', async () => {
  const [one, other] = [
    await openStorage({ path: ':memory:' }),
    await openStorage({ path: ':memory:' }),
  ]
  const event = newEvent()
  await one.insertEvents({ events: [event] })
  expect(await one.getEvents({ tenantId: 'tenant', ids: [event.id] })).toHaveLength(1)
  expect(await other.getEvents({ tenantId: 'tenant', ids: [event.id] })).toHaveLength(0)
})
