import type { Storage } from '../../storage/storage.ts'

/** One storage for one test, and what belongs to it. */
export interface StorageFixture<Transaction = never> {
  /** Empty and not yet opened: the suite calls `open` and, at the end, `close`. */
  storage: Storage<Transaction>
  /**
   * A second connection to the same data, as another process would have it; not yet opened. Called
   * while the first is open or after it has closed. Needs the capability `reopen`.
   */
  reopen?(): Promise<Storage<Transaction>>
  /**
   * Runs `work` inside a transaction of the host: commits when it resolves; rolls back, and throws
   * what it threw, when it rejects. Needs the capability `transactions`.
   */
  transact?(work: (transaction: Transaction) => Promise<void>): Promise<void>
  /** Clears away what is left, such as files; called last, when every connection has closed. */
  close(): Promise<void> | void
}

/** What an adapter can do beyond the contract's core. Tests that need what is absent are not run. */
export interface StorageCapabilities {
  /**
   * The fixture has `reopen`: data outlive a connection, and several connections share them.
   * Default: `false`; crashes and second processes are then not tested.
   */
  reopen?: boolean
  /** The fixture has `transact`, and `insertEvents` joins it. Default: `false`. */
  transactions?: boolean
  /** `onWork` reports what another connection adds. Needs `reopen` as well. Default: `false`. */
  onWork?: boolean
  /**
   * A lone surrogate comes back as given. Default: `false`; it may then come back as U+FFFD, and
   * may still not make a write fail.
   */
  loneSurrogates?: boolean
}

/** What {@link testStorage} needs. */
export interface StorageSuiteOptions<Transaction = never> {
  /** Groups tests: `describe` of vitest, node:test, jest or mocha. */
  describe: (name: string, body: () => void) => void
  /** Declares a test: `test` or `it` of the same runner. */
  test: (name: string, body: () => Promise<void>) => void
  /** Makes an empty storage; called once for each test. */
  createStorage: () => StorageFixture<Transaction> | Promise<StorageFixture<Transaction>>
  capabilities?: StorageCapabilities
  /** Rows in the tests of large batches. Default: 10,000. */
  batchSize?: number
  /**
   * How many random sequences of operations are compared with the reference model. Default: 25,
   * of 120 operations each.
   */
  randomRuns?: number
  /** Seed of the first sequence; a failure names its own. Default: 1. */
  seed?: number
}
