// Run by conformance.test.ts: the suites under a runner other than vitest.
import { describe, test } from 'node:test'
import { pollingScheduler } from '../../src/scheduling/polling.ts'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import { testScheduler, testStorage } from '../../src/testing/index.ts'

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

describe('pollingScheduler', () => {
  testScheduler({
    describe,
    test,
    createScheduler: ({ longestSleepMs }) => ({
      scheduler: pollingScheduler({ intervalMs: longestSleepMs }),
      close() {},
    }),
    capabilities: { virtualClock: true },
  })
})
