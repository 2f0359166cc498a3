import type { Storage } from '../../../src/storage/storage.ts'

/** A kind of database that the crash tests run on. */
export interface CrashStore {
  /** Starts what its databases need. */
  start(): Promise<CrashServer>
  /** Connects this process to a database. Opens nothing of the library's. */
  connect(location: string): Promise<CrashConnection>
  /** Calls `listener` before and after each statement that this process runs through the driver. */
  watchStatements(listener: () => void): void
}

/** Where databases live for the time of a run. */
export interface CrashServer {
  /** Makes an empty database with the host's own table in it. @returns Where others find it. */
  create(): Promise<string>
  /** Crashes the server and starts it again; `null` where there is none, or it is not ours. */
  restart: (() => Promise<void>) | null
  /** Ends everything and takes all databases away. */
  stop(): Promise<void>
}

/** What one process holds of a database. */
export interface CrashConnection {
  storage: Storage<unknown>
  /**
   * A transaction of the host: writes `key` to the host's own table, lets `work` emit in it, and
   * commits or rolls back. Whether the key stands afterwards tells, beyond doubt, which it was.
   */
  transact(
    key: string,
    work: (transaction: unknown) => Promise<void>,
    end: 'commit' | 'rollback',
  ): Promise<void>
  /** The keys of all transactions that were committed. */
  hostKeys(): Promise<Set<string>>
  close(): Promise<void>
}

/** Calls `listener` whenever a method of a driver's class is called, and when the call returns. */
export function watchMethod<Name extends string>(
  prototype: Record<Name, unknown>,
  name: Name,
  listener: () => void,
): void {
  const method = prototype[name] as (...given: unknown[]) => unknown
  prototype[name] = function (this: unknown, ...given: unknown[]) {
    listener()
    const result = method.apply(this, given)
    listener()
    return result
  }
}
