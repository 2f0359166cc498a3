import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createWebhooks, type Webhooks } from '../../../src/index.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { events } from '../../support.ts'
import { temporaryFile } from '../sqlite/fixtures.ts'
import { recordingTransport } from './recording-transport.ts'

/** `emit` inside a transaction of the host's own `node:sqlite` connection. */

let path: string
let db: DatabaseSync
let webhooks: Webhooks<typeof events, DatabaseSync>
const transport = recordingTransport()

beforeEach(async () => {
  path = temporaryFile()
  transport.sent.length = 0
  webhooks = createWebhooks({ events, storage: sqliteStorage({ path }), transport })
  onTestFinished(() => webhooks.stop())
  await webhooks.endpoints.create({ url: 'https://example.com/hooks', events: ['*'] })
  db = connect()
  db.exec('CREATE TABLE documents (id TEXT)')
})

function connect(): DatabaseSync {
  const connection = new DatabaseSync(path)
  onTestFinished(() => connection.close())
  return connection
}

function emit(transaction?: DatabaseSync, key?: string) {
  return webhooks.emit('order.paid', { orderId: '1' }, { transaction, idempotencyKey: key })
}

/** Ids of the events that arrived, once everything due is sent. */
async function delivered(): Promise<string[]> {
  await webhooks.drain({ deadline: new Date(Date.now() + 15_000) })
  return transport.sent.map(({ id }) => id)
}

function addDocument(id: string): void {
  db.prepare('INSERT INTO documents VALUES (?)').run(id)
}

function documents(): unknown[] {
  return db
    .prepare('SELECT id FROM documents')
    .all()
    .map(({ id }) => id)
}

test('commit delivers', async () => {
  db.exec('BEGIN IMMEDIATE')
  addDocument('d1')
  const { id } = await emit(db)
  expect((await webhooks.events.list()).total).toBe(0)
  db.exec('COMMIT')
  expect(await delivered()).toEqual([id])
  expect(documents()).toEqual(['d1'])
})

test('rollback delivers nothing, and gives the key back', async () => {
  db.exec('BEGIN IMMEDIATE')
  addDocument('d1')
  await emit(db, 'k')
  db.exec('ROLLBACK')
  expect(await delivered()).toEqual([])
  expect(documents()).toEqual([])
  expect((await emit(undefined, 'k')).duplicate).toBe(false)
})

describe('an idempotency key', () => {
  test('holds within the transaction, and after it', async () => {
    db.exec('BEGIN IMMEDIATE')
    const first = await emit(db, 'k')
    expect(await emit(db, 'k')).toEqual({ ...first, duplicate: true })
    db.exec('COMMIT')
    expect(await emit(undefined, 'k')).toEqual({ ...first, duplicate: true })
    expect(await delivered()).toEqual([first.id])
  })

  test('holds against what was committed before', async () => {
    const standing = await emit(undefined, 'k')
    db.exec('BEGIN IMMEDIATE')
    expect(await emit(db, 'k')).toEqual({ ...standing, duplicate: true })
    db.exec('COMMIT')
    expect(await delivered()).toEqual([standing.id])
  })

  test('holds for those who wait for the transaction', async () => {
    db.exec('BEGIN IMMEDIATE')
    const first = await emit(db, 'k')
    const waiting = emit(undefined, 'k')
    db.exec('COMMIT')
    expect(await waiting).toEqual({ ...first, duplicate: true })
    expect(await delivered()).toEqual([first.id])
  })
})

describe('an error in emit leaves the transaction usable', () => {
  test('when the event is invalid', async () => {
    db.exec('BEGIN IMMEDIATE')
    addDocument('before')
    const invalid = webhooks.emit('order.paid', { orderId: 1 } as never, { transaction: db })
    await expect(invalid).rejects.toMatchObject({ code: 'invalid_payload' })
    addDocument('after')
    const { id } = await emit(db)
    db.exec('COMMIT')
    expect(documents()).toEqual(['before', 'after'])
    expect(await delivered()).toEqual([id])
  })

  test('when SQLite refuses to write, and nothing of a list is left on it', async () => {
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON webhooks_events WHEN new.type = 'user.created'
      BEGIN SELECT raise(ABORT, 'refused'); END`)
    db.exec('BEGIN IMMEDIATE')
    addDocument('before')
    const refused = webhooks.emitMany(
      [
        { type: 'order.paid', data: { orderId: '1' }, idempotencyKey: 'k' },
        { type: 'user.created', data: { userId: '1' } },
      ],
      { transaction: db },
    )
    await expect(refused).rejects.toMatchObject({ code: 'storage_failed' })
    addDocument('after')
    const { id, duplicate } = await emit(db, 'k')
    expect(duplicate).toBe(false)
    db.exec('COMMIT')
    expect(documents()).toEqual(['before', 'after'])
    expect(await delivered()).toEqual([id])
  })

  test('when another connection writes: plain BEGIN does not keep the place', async () => {
    const other = connect()
    other.exec('BEGIN IMMEDIATE')
    db.exec('BEGIN')
    await expect(emit(db)).rejects.toMatchObject({ code: 'storage_failed' })
    other.exec('COMMIT')
    const { id } = await emit(db)
    db.exec('COMMIT')
    expect(await delivered()).toEqual([id])
  })

  test('to read on, when another connection wrote after it had read', async () => {
    db.exec('BEGIN')
    expect(documents()).toEqual([])
    await emit(undefined, 'k')
    await expect(emit(db, 'k')).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('from BEGIN IMMEDIATE on'),
    })
    expect(documents()).toEqual([])
    db.exec('ROLLBACK')
    db.exec('BEGIN IMMEDIATE')
    expect((await emit(db, 'k')).duplicate).toBe(true)
    db.exec('COMMIT')
  })

  test('unless SQLite has ended it: what failed is reported, and nothing is sent', async () => {
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON webhooks_events WHEN new.type = 'user.created'
      BEGIN SELECT raise(ROLLBACK, 'ended'); END`)
    db.exec('BEGIN IMMEDIATE')
    addDocument('d1')
    await emit(db)
    const ended = webhooks.emit('user.created', { userId: '1' }, { transaction: db })
    await expect(ended).rejects.toMatchObject({
      code: 'storage_failed',
      cause: expect.objectContaining({ message: 'ended' }),
    })
    await expect(emit(db)).rejects.toMatchObject({ code: 'transaction_unsupported' })
    expect(documents()).toEqual([])
    expect(await delivered()).toEqual([])
  })
})
