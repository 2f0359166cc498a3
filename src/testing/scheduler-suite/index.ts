import type { SchedulerSuiteOptions } from './options.ts'
import { processTests } from './processes.ts'
import { stoppingTests } from './stopping.ts'
import { createSuite } from './suite.ts'
import { wakingTests } from './waking.ts'

export type {
  SchedulerCapabilities,
  SchedulerFixture,
  SchedulerSuiteOptions,
  SchedulerWishes,
} from './options.ts'

/**
 * Declares the tests that every scheduler has to pass: each sentence of the `Scheduler` contract,
 * for schedulers of one process and for those that wake others through a broker. The test runner is
 * passed in and nothing else is asked of it. The last test reports what was proven, and what was
 * not for want of a capability.
 *
 * @example
 * import { describe, test } from 'vitest' // or from 'node:test'
 *
 * describe('myScheduler', () => {
 *   testScheduler({
 *     describe,
 *     test,
 *     createScheduler: ({ longestSleepMs }) => ({
 *       scheduler: myScheduler({ pollMs: longestSleepMs }),
 *       close() {},
 *     }),
 *     capabilities: { virtualClock: true },
 *   })
 * })
 */
export function testScheduler(options: SchedulerSuiteOptions): void {
  const suite = createSuite(options)
  wakingTests(suite)
  stoppingTests(suite)
  processTests(suite)
  suite.reportAtEnd()
}
