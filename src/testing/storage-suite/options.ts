import type { Attempt } from '../../model.ts'
import type { DeliveryRecord, EndpointRecord, EventRecord, Storage } from '../../storage/storage.ts'
import type { RunnerOptions } from '../conformance/recorder.ts'

/**
 * Everything that is stored, as somebody reads it who knows the store and not the adapter: all
 * rows of all tenants, in any order, each field decoded to what it means.
 */
export interface RawRows {
  events: Pick<EventRecord, 'id' | 'tenantId' | 'type' | 'body' | 'idempotencyKey' | 'createdAt'>[]
  /** Deleted ones as well, while anything of them is left. */
  endpoints: (Pick<
    EndpointRecord,
    'id' | 'tenantId' | 'url' | 'active' | 'pausedUntil' | 'failedAttempts' | 'headers'
  > & {
    /** The values of its secrets, in their order. */
    secrets: string[]
    deleted: boolean
  })[]
  deliveries: Pick<
    DeliveryRecord,
    'id' | 'tenantId' | 'eventId' | 'endpointId' | 'status' | 'attempts' | 'dueAt' | 'leaseToken'
  >[]
  attempts: (Pick<Attempt, 'id' | 'tenantId' | 'deliveryId' | 'number' | 'succeeded'> & {
    /** `null` if there was no answer. */
    responseStatus: number | null
    responseBody: string | null
  })[]
}

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
  /**
   * Reads what is stored over a connection of its own, with statements of its own: nothing of the
   * adapter has a part in it. Needs the capability `readRaw`.
   */
  readRaw?(): Promise<RawRows>
  /** Clears away what is left, such as files; called last, when every connection has closed. */
  close(): Promise<void> | void
}

/**
 * What an adapter can do beyond the contract's core. Tests that need what is absent are not run, and
 * the report says so.
 */
export interface StorageCapabilities {
  /**
   * The fixture has `reopen`: data outlive a connection, and several connections share them.
   * Default: `false`; crashes and second processes are then not tested.
   */
  reopen?: boolean
  /** The fixture has `transact`, and `insertEvents` joins it. Default: `false`. */
  transactions?: boolean
  /**
   * The fixture has `readRaw`. Default: `false`; the suite then believes what the adapter says of
   * itself, and cannot tell what is stored from what is remembered.
   */
  readRaw?: boolean
  /** `onWork` reports what another connection adds. Needs `reopen` as well. Default: `false`. */
  onWork?: boolean
  /**
   * A lone surrogate comes back as given. Default: `false`; it may then come back as U+FFFD, and
   * may still not make a write fail.
   */
  loneSurrogates?: boolean
}

/** What {@link testStorage} needs. */
export interface StorageSuiteOptions<Transaction = never> extends RunnerOptions {
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
