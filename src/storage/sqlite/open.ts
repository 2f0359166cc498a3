import { DatabaseSync } from 'node:sqlite'
import { WebhooksError } from '../../errors.ts'
import type { StorageFault } from '../storage.ts'
import { Database, type Statements, whenFree } from './database.ts'
import { explainFault } from './faults.ts'
import { migrations } from './schema.ts'

/** What {@link openDatabase} takes. */
export interface OpenOptions {
  path: string
  busyTimeoutMs: number
}

/**
 * Memory for pages of the file, in KiB. Enough to hold the hot ends of all indexes; what the
 * operating system caches comes on top and is not the process's.
 */
const cacheKiB = 16 * 1024

/**
 * Pages in the write-ahead log at which a commit brings them into the file: 16 MiB. SQLite's default
 * of 1,000 is reached every 400 deliveries or so, and the same few pages are written to the file,
 * and waited for, over and over: a fifth of all that the storage costs. (The price is a longer wait,
 * seldomer: twice as long, a fourth as often.)
 */
const checkpointPages = 4_000

/** What is left of the write-ahead log after a burst, in bytes. */
const journalSizeLimit = 64 * 1024 * 1024

/**
 * Opens the file, creating it where there is none, and brings its schema up to date.
 *
 * @throws WebhooksError `storage_failed`, `storage_read_only`, `storage_full`
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { path, busyTimeoutMs } = options
  let connection: DatabaseSync | undefined
  try {
    const opened = new DatabaseSync(path)
    connection = opened
    await whenFree(() => configure(opened), busyTimeoutMs)
    const database = new Database(opened, { busyTimeoutMs })
    if ((await database.read(schemaVersion)) !== migrations.length) {
      await database.write((statements) => migrate(opened, statements, path))
    }
    return database
  } catch (error) {
    connection?.close()
    throw explain(error, path)
  }
}

function configure(connection: DatabaseSync): void {
  // Waiting is done in `whenFree`, without blocking the thread.
  connection.exec('PRAGMA busy_timeout = 0')
  connection.exec('PRAGMA journal_mode = WAL')
  connection.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
  connection.exec(`PRAGMA journal_size_limit = ${journalSizeLimit}`)
  connection.exec(`PRAGMA cache_size = -${cacheKiB}`)
  connection.exec('PRAGMA foreign_keys = ON')
}

/** Runs inside a write transaction: of several processes, one migrates and the others find it done. */
function migrate(connection: DatabaseSync, statements: Statements, path: string): void {
  connection.exec(
    'CREATE TABLE IF NOT EXISTS webhooks_state (name TEXT PRIMARY KEY, value) WITHOUT ROWID',
  )
  const version = schemaVersion(statements) ?? 0
  if (version > migrations.length) {
    throw new WebhooksError(
      'storage_failed',
      `${path} has schema version ${version}, and this release of @ainexlayer/webhooks knows ` +
        `versions up to ${migrations.length}: install the release that wrote it, or a later one`,
    )
  }
  for (const migration of migrations.slice(version)) connection.exec(migration)
  statements.run(
    `INSERT INTO webhooks_state (name, value) VALUES ('schema_version', ?)
      ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    migrations.length,
  )
}

/** The schema's version, as far as it has been brought; `null` where there is none. */
export function schemaVersion(statements: Statements): number | null {
  const table = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'webhooks_state'`
  if (statements.get(table) === undefined) return null
  const version = `SELECT value FROM webhooks_state WHERE name = 'schema_version'`
  return statements.get<{ value: number }>(version)?.value ?? null
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof WebhooksError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const { code, wayOut } = explainFault(error) ?? unknown
  return new WebhooksError(
    code,
    `The SQLite file ${path} could not be opened (${reason}). ${wayOut}`,
    { cause: error },
  )
}

const unknown: StorageFault = { code: 'storage_failed', wayOut: 'Check the path and the file.' }
