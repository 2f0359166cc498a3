import assert from 'node:assert/strict'
import type { Storage } from '../../storage/storage.ts'
import { Recorder } from '../conformance/recorder.ts'
import { Kit } from './kit.ts'
import type {
  RawRows,
  StorageCapabilities,
  StorageFixture,
  StorageSuiteOptions,
} from './options.ts'

type Capability = keyof StorageCapabilities

/** A test's view of its fixture. */
export interface SuiteKit extends Kit {
  /** A second connection, opened; closed after the test. */
  reopen(): Promise<Kit>
  transact(work: (transaction: never) => Promise<void>): Promise<void>
  /** What is stored, whatever the adapter says. */
  readRaw(): Promise<RawRows>
}

/** Where the files of the suite declare their tests. */
export interface Suite {
  readonly capabilities: Required<StorageCapabilities>
  readonly batchSize: number
  readonly randomRuns: number
  readonly seed: number
  /** The same for chapters that need these capabilities: without them, they are not run. */
  needing(...capabilities: Capability[]): Suite
  describe(name: string, body: () => void): void
  /** Declares a test that gets an opened, empty storage of its own. */
  test(name: string, body: (kit: SuiteKit) => Promise<void>): void
  /** Declares, as the last test, the one that reports. */
  reportAtEnd(): void
}

export function createSuite<Transaction>(options: StorageSuiteOptions<Transaction>): Suite {
  const recorder = new Recorder('Conformance of the storage', options)
  const capabilities: Required<StorageCapabilities> = {
    reopen: false,
    transactions: false,
    readRaw: false,
    onWork: false,
    loneSurrogates: false,
    ...options.capabilities,
  }
  function suiteNeeding(needed: Capability[]): Suite {
    const missing = needed.filter((capability) => !capabilities[capability])
    return {
      capabilities,
      batchSize: options.batchSize ?? 10_000,
      randomRuns: options.randomRuns ?? 25,
      seed: options.seed ?? 1,
      needing: (...more) => suiteNeeding([...needed, ...more]),
      describe: (name, body) => recorder.chapter(name, missing, body),
      test(name, body) {
        recorder.test(name, async () => {
          await runTest(await options.createStorage(), body)
        })
      },
      reportAtEnd: () => recorder.reportAtEnd(),
    }
  }
  return suiteNeeding([])
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
      async readRaw(): Promise<RawRows> {
        assert.ok(fixture.readRaw, 'the capability `readRaw` needs `readRaw` in the fixture')
        return fixture.readRaw()
      },
    })
    await body(suiteKit)
  } finally {
    for (const storage of open) await storage.close()
    await fixture.close()
  }
}
