import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { type CrashStore, watchMethod } from './store.ts'

/** A file for each database. */
export const sqlite: CrashStore = {
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-crash-sqlite-'))
    let files = 0
    return {
      async create() {
        files += 1
        const location = join(folder, `${files}.db`)
        const host = new DatabaseSync(location)
        host.exec('PRAGMA journal_mode = WAL')
        host.exec('CREATE TABLE host_changes (key TEXT PRIMARY KEY)')
        host.close()
        return location
      },
      restart: null,
      stop: async () => rmSync(folder, { recursive: true }),
    }
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
