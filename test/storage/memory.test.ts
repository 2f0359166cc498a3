import { describe, test } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'

describe('memoryStorage', () => {
  testStorage({
    describe,
    test,
    createStorage: () => ({ storage: memoryStorage(), close() {} }),
    capabilities: { loneSurrogates: true },
    randomRuns: 200,
  })
})
