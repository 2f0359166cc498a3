import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { Storage } from '../../src/storage/storage.ts'

/** A kind of database that the crash tests run on. Another storage is another entry below. */
export interface CrashStore {
  /** Makes an empty database with the host's own table in it. */
  create(): Promise<CrashDatabase>
  /** Connects this process to it. Opens nothing of the library's. */
  connect(location: string): Promise<CrashConnection>
  /** Calls `listener` before and after each statement that this process runs through the driver. */
  watchStatements(listener: () => void): void
}

/** A database, as its owner sees it. */
export interface CrashDatabase {
  /** Where other processes find it. */
  location: string
  remove(): Promise<void>
}

/** What one process holds of a database. */
export interface CrashConnection {
  storage: Storage<unknown>
  /**
   * A transaction of the host: writes `key` to the host's own table, lets `work` emit in it, and
   * commits or rolls back. Whether the key stands afterwards tells, beyond doubt, which it was.
   */
  transact(
    key: string,
    work: (transaction: unknown) => Promise<void>,
    end: 'commit' | 'rollback',
  ): Promise<void>
  /** The keys of all transactions that were committed. */
  hostKeys(): Promise<Set<string>>
  close(): Promise<void>
}

const sqlite: CrashStore = {
  async create() {
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-crash-sqlite-'))
    const location = join(folder, 'webhooks.db')
    const host = new DatabaseSync(location)
    host.exec('PRAGMA journal_mode = WAL')
    host.exec('CREATE TABLE host_changes (key TEXT PRIMARY KEY)')
    host.close()
    return { location, remove: async () => rmSync(folder, { recursive: true }) }
  },

  async connect(location) {
    const host = new DatabaseSync(location, { timeout: 10_000 })
    return {
      storage: sqliteStorage({ path: location }),
      async transact(key, work, end) {
        host.exec('BEGIN IMMEDIATE')
        try {
          host.prepare('INSERT INTO host_changes (key) VALUES (?)').run(key)
          await work(host)
          host.exec(end === 'commit' ? 'COMMIT' : 'ROLLBACK')
        } catch (error) {
          if (host.isTransaction) host.exec('ROLLBACK')
          throw error
        }
      },
      async hostKeys() {
        const rows = host.prepare('SELECT key FROM host_changes').all() as { key: string }[]
        return new Set(rows.map((row) => row.key))
      },
      close: async () => host.close(),
    }
  },

  watchStatements(listener) {
    watchMethod(DatabaseSync.prototype, 'exec', listener)
    for (const name of ['run', 'get', 'all'] as const) {
      watchMethod(StatementSync.prototype, name, listener)
    }
  },
}

function watchMethod<Name extends string>(
  prototype: Record<Name, unknown>,
  name: Name,
  listener: () => void,
): void {
  const method = prototype[name] as (...given: unknown[]) => unknown
  prototype[name] = function (this: unknown, ...given: unknown[]) {
    listener()
    const result = method.apply(this, given)
    listener()
    return result
  }
}

export const crashStores = { sqlite } satisfies Record<string, CrashStore>

/** The name of a storage that the crash tests run on. */
export type CrashStoreName = keyof typeof crashStores
