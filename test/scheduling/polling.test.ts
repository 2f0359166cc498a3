import { describe, test } from 'vitest'
import { pollingScheduler } from '../../src/scheduling/polling.ts'
import { testScheduler } from '../../src/testing/index.ts'

describe('pollingScheduler', () => {
  describe('under a virtual clock', () => {
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

  describe('in real time', () => {
    testScheduler({
      describe,
      test,
      createScheduler: ({ longestSleepMs }) => ({
        scheduler: pollingScheduler({ intervalMs: longestSleepMs }),
        close() {},
      }),
      delayMs: 50,
    })
  })
})
