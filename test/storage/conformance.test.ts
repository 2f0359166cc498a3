import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { assemble } from '../../src/storage/memory/assemble.ts'
import { Tables } from '../../src/storage/memory/tables.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'

test('the suite runs under node:test and prints its report', async () => {
  const file = fileURLToPath(new URL('conformance.node.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=tap', file],
    // The outer runner's own settings would make node:test believe that it is a child of its own.
    { env: { PATH: process.env.PATH }, maxBuffer: 2 ** 24 },
  )
  expect(stdout).toContain('late, under a token that has passed on, is dropped whole')
  expect(stdout).toMatch(/# fail 0/)
})

// What is said about several connections needs a store that several can share; the memory of one
// process is such a store when its tables are handed to two storages.
describe('two storages over one memory', () => {
  testStorage({
    describe,
    test,
    createStorage() {
      const tables = new Tables()
      return {
        storage: assemble(tables),
        reopen: async () => assemble(tables),
        close() {},
      }
    },
    capabilities: { reopen: true, loneSurrogates: true },
    batchSize: 100,
    randomRuns: 1,
  })
})
