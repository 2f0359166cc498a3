import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import type { Storage } from '../../../src/storage/storage.ts'
import { newEvent, openStorage, temporaryFile, temporaryFolder } from './fixtures.ts'

function connect(
  path: string,
  options: ConstructorParameters<typeof DatabaseSync>[1] = {},
): DatabaseSync {
  const connection = new DatabaseSync(path, options)
  onTestFinished(() => {
    if (connection.isOpen) connection.close()
  })
  return connection
}

function emit(storage: Storage<DatabaseSync>, transaction: unknown) {
  return storage.insertEvents({
    events: [newEvent()],
    transaction: transaction as DatabaseSync,
  })
}

test('writes the event row and no other', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path)
  const others = connection
    .prepare(
      `SELECT name FROM sqlite_schema
        WHERE type = 'table' AND name LIKE 'webhooks%' AND name <> 'webhooks_events'`,
    )
    .all()
    .map((row) => String(row.name))
  const contents = () => others.map((name) => connection.prepare(`SELECT * FROM ${name}`).all())
  const before = contents()
  connection.exec('BEGIN IMMEDIATE')
  const changesBefore = totalChanges()
  await storage.insertEvents({ events: [newEvent(), newEvent()], transaction: connection })
  expect(totalChanges() - changesBefore).toBe(2)
  expect(contents()).toEqual(before)
  connection.exec('COMMIT')

  function totalChanges(): number {
    return Number(connection.prepare('SELECT total_changes() AS changes').get()?.changes)
  }
})

test('a caller that reads big integers and arrays is served all the same', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path, { readBigInts: true, returnArrays: true })
  const standing = newEvent({ idempotencyKey: 'once' })
  await storage.insertEvents({ events: [standing] })
  connection.exec('BEGIN IMMEDIATE')
  const events = [newEvent({ idempotencyKey: 'once' }), newEvent()]
  expect(await storage.insertEvents({ events, transaction: connection })).toEqual([
    { id: standing.id, createdAt: standing.createdAt, position: 1, inserted: false },
    { id: events[1]?.id, createdAt: events[1]?.createdAt, position: 2, inserted: true },
  ])
  connection.exec('COMMIT')
})

test('a repeated event leaves the caller’s transaction as it was', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path)
  connection.exec('CREATE TABLE orders (id)')
  const event = newEvent()
  await storage.insertEvents({ events: [event] })
  connection.exec("BEGIN IMMEDIATE; INSERT INTO orders VALUES ('kept')")
  await storage.insertEvents({ events: [event], transaction: connection })
  connection.exec('COMMIT')
  expect(connection.prepare('SELECT id FROM orders').all()).toHaveLength(1)
})

test('each unfit transaction is refused with what is wrong with it', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path)
  await expect(emit(storage, connection)).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('no transaction is open'),
  })
  await expect(emit(storage, { query() {} })).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('DatabaseSync'),
  })
  const elsewhere = connect(join(temporaryFolder(), 'other.db'))
  elsewhere.exec('BEGIN')
  await expect(emit(storage, elsewhere)).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('other.db'),
  })
  expect((await storage.listEvents(everything)).items).toEqual([])
})

const everything = { tenantId: 'tenant', offset: 0, before: null, limit: 10, withTotal: false }

test('storage in memory has no connection that a caller could share', async () => {
  const storage = await openStorage({ path: ':memory:' })
  const connection = connect(':memory:')
  connection.exec('BEGIN')
  await expect(emit(storage, connection)).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('in memory'),
  })
})

/** A connection on which an event was emitted and committed. */
async function connectionThatServed() {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path)
  await emitAndCommit(storage, connection)
  return { storage, connection }
}

async function emitAndCommit(
  storage: Parameters<typeof emit>[0],
  connection: DatabaseSync,
): Promise<void> {
  connection.exec('BEGIN IMMEDIATE')
  await emit(storage, connection)
  connection.exec('COMMIT')
}

test('a transaction that ended in between is noticed, on a connection that was fit before', async () => {
  const { storage, connection } = await connectionThatServed()
  await expect(emit(storage, connection)).rejects.toMatchObject({ code: 'transaction_unsupported' })
})

test('a connection that the caller closed is refused, and once open again it serves', async () => {
  const { storage, connection } = await connectionThatServed()
  connection.close()
  await expect(emit(storage, connection)).rejects.toMatchObject({
    code: 'transaction_unsupported',
    message: expect.stringContaining('it is closed'),
  })
  connection.open()
  await emitAndCommit(storage, connection)
  expect((await storage.listEvents(everything)).items).toHaveLength(2)
})

test('waiting for the caller’s lock leaves the event loop free to release it', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const connection = connect(path)
  connection.exec('BEGIN IMMEDIATE')
  const own = emit(storage, undefined)
  await emit(storage, connection)
  connection.exec('COMMIT')
  await own
  expect((await storage.listEvents(everything)).items).toHaveLength(2)
})

test('a lock that is never released fails with the driver’s own error', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path, busyTimeoutMs: 20 })
  const connection = connect(path)
  connection.exec('BEGIN IMMEDIATE')
  await expect(emit(storage, undefined)).rejects.toMatchObject({
    code: 'ERR_SQLITE_ERROR',
    errcode: 5,
  })
  // Readers never wait for a writer.
  expect((await storage.listEvents(everything)).items).toEqual([])
  connection.exec('ROLLBACK')
})
