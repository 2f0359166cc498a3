// Run by conformance.test.ts: the suite under a runner other than vitest.
import { describe, test } from 'node:test'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'

describe('memoryStorage', () => {
  testStorage({
    describe,
    test,
    createStorage: () => ({ storage: memoryStorage(), close() {} }),
    capabilities: { loneSurrogates: true },
    batchSize: 1_000,
    randomRuns: 5,
  })
})
