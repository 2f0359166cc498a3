import assert from 'node:assert/strict'
import type { Storage } from '../../storage/storage.ts'
import { Kit } from './kit.ts'
import type { StorageCapabilities, StorageFixture, StorageSuiteOptions } from './options.ts'

/** A test's view of its fixture. */
export interface SuiteKit extends Kit {
  /** A second connection, opened; closed after the test. */
  reopen(): Promise<Kit>
  transact(work: (transaction: never) => Promise<void>): Promise<void>
}

/** Where the files of the suite declare their tests. */
export interface Suite {
  readonly capabilities: Required<StorageCapabilities>
  readonly batchSize: number
  readonly randomRuns: number
  readonly seed: number
  describe(name: string, body: () => void): void
  /** Declares a test that gets an opened, empty storage of its own. */
  test(name: string, body: (kit: SuiteKit) => Promise<void>): void
}

export function createSuite<Transaction>(options: StorageSuiteOptions<Transaction>): Suite {
  return {
    capabilities: {
      reopen: false,
      transactions: false,
      onWork: false,
      loneSurrogates: false,
      ...options.capabilities,
    },
    batchSize: options.batchSize ?? 10_000,
    randomRuns: options.randomRuns ?? 25,
    seed: options.seed ?? 1,
    describe: options.describe,
    test(name, body) {
      options.test(name, async () => {
        await runTest(await options.createStorage(), body)
      })
    },
  }
}

async function runTest<Transaction>(
  fixture: StorageFixture<Transaction>,
  body: (kit: SuiteKit) => Promise<void>,
): Promise<void> {
  const open: Storage<never>[] = []
  // A storage that joins transactions serves callers without one just as well.
  async function openStorage(storage: Storage<Transaction>): Promise<Storage<never>> {
    await storage.open()
    open.push(storage as Storage<never>)
    return storage as Storage<never>
  }
  try {
    const kit = new Kit(await openStorage(fixture.storage))
    const suiteKit: SuiteKit = Object.assign(kit, {
      async reopen(): Promise<Kit> {
        assert.ok(fixture.reopen, 'the capability `reopen` needs `reopen` in the fixture')
        return kit.on(await openStorage(await fixture.reopen()))
      },
      async transact(work: (transaction: never) => Promise<void>): Promise<void> {
        assert.ok(fixture.transact, 'the capability `transactions` needs `transact` in the fixture')
        await fixture.transact(work as (transaction: Transaction) => Promise<void>)
      },
    })
    await body(suiteKit)
  } finally {
    for (const storage of open) await storage.close()
    await fixture.close()
  }
}
