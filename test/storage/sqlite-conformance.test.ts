import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'
import { readRawSqlite } from './raw-sqlite.ts'

describe('sqliteStorage', () => {
  testStorage<DatabaseSync>({
    describe,
    test,
    capabilities: { reopen: true, transactions: true, readRaw: true, loneSurrogates: true },
    createStorage() {
      const folder = mkdtempSync(join(tmpdir(), 'webhooks-sqlite-'))
      const path = join(folder, 'webhooks.db')
      return {
        storage: sqliteStorage({ path }),
        reopen: async () => sqliteStorage({ path }),
        async transact(work) {
          const connection = new DatabaseSync(path, { timeout: 5_000 })
          connection.exec('BEGIN IMMEDIATE')
          try {
            await work(connection)
            connection.exec('COMMIT')
          } finally {
            connection.close()
          }
        },
        readRaw: async () => readRawSqlite(path),
        close: () => rmSync(folder, { recursive: true }),
      }
    },
  })
})
