import { claimTests } from './claims.ts'
import { connectionTests } from './connections.ts'
import { directSendTests } from './direct-sends.ts'
import { endpointTests } from './endpoints.ts'
import { eventTests } from './events.ts'
import { fanOutTests } from './fan-out.ts'
import { keptEventTests } from './kept-events.ts'
import { limitTests } from './limits.ts'
import { listTests } from './lists.ts'
import { concurrencyTests } from './many-at-once.ts'
import { nextDueTests } from './next-due.ts'
import { backlogTests, pruneTests, statsTests } from './operation.ts'
import type { StorageSuiteOptions } from './options.ts'
import { probeTests } from './probes.ts'
import { randomTests } from './random.ts'
import { cancelTests, requeueTests } from './requeue-and-cancel.ts'
import { settlingTests } from './settling.ts'
import { storedTests } from './stored.ts'
import { subscriberTests } from './subscribers.ts'
import { createSuite } from './suite.ts'
import { clockTests, tenantTests } from './tenants.ts'
import { sizeTests, textTests } from './text-and-size.ts'
import { turnTests } from './turns.ts'

export type {
  RawRows,
  StorageCapabilities,
  StorageFixture,
  StorageSuiteOptions,
} from './options.ts'

/**
 * Declares the tests that every storage adapter has to pass: each sentence of the `Storage`
 * contract, and the promises that rest on it. The test runner is passed in and nothing else is asked
 * of it. The last test reports what was proven, and what was not for want of a capability.
 *
 * @example
 * import { describe, test } from 'vitest' // or from 'node:test'
 *
 * describe('myStorage', () => {
 *   testStorage({
 *     describe,
 *     test,
 *     async createStorage() {
 *       const database = await createEmptyDatabase()
 *       return {
 *         storage: myStorage({ database }),
 *         reopen: async () => myStorage({ database }),
 *         close: () => database.drop(),
 *       }
 *     },
 *     capabilities: { reopen: true },
 *   })
 * })
 */
export function testStorage<Transaction = never>(options: StorageSuiteOptions<Transaction>): void {
  const suite = createSuite(options)
  eventTests(suite)
  fanOutTests(suite)
  directSendTests(suite)
  keptEventTests(suite)
  subscriberTests(suite)
  claimTests(suite)
  turnTests(suite)
  limitTests(suite)
  probeTests(suite)
  settlingTests(suite)
  requeueTests(suite)
  cancelTests(suite)
  nextDueTests(suite)
  endpointTests(suite)
  listTests(suite)
  statsTests(suite)
  backlogTests(suite)
  pruneTests(suite)
  tenantTests(suite)
  clockTests(suite)
  textTests(suite)
  concurrencyTests(suite)
  connectionTests(suite)
  randomTests(suite)
  storedTests(suite)
  sizeTests(suite)
  suite.reportAtEnd()
}
