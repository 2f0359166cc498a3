import type { PostgresTransaction } from '../../../../src/storage/postgres/index.ts'

/** A library through which a host may talk to Postgres. */
export interface Library {
  name: string
  /** Whether it refuses statements on a transaction that has ended. */
  noticesEnd: boolean
  /** Whether its commit rejects where Postgres rolls back, because a statement had failed. */
  noticesRollback: boolean
  connect(options: ConnectOptions): Promise<Host>
}

export interface ConnectOptions {
  connectionString: string
  /** Of the host's own table, `documents`, with the columns `id` and `status`. */
  schema: string
}

/** A host's connection to its database. */
export interface Host {
  /** Commits when `work` resolves, rolls back when it rejects, and passes on what it threw. */
  transact(
    work: (inside: Inside) => Promise<void>,
    options?: { isolation?: Isolation },
  ): Promise<void>
  /** What somebody may pass by mistake, because no transaction is open on it. */
  outside(): PostgresTransaction
  close(): Promise<void>
}

export type Isolation = 'read committed' | 'repeatable read'

/** A transaction of the host. */
export interface Inside {
  /** For `emit`. */
  transaction: PostgresTransaction
  /** A change of the host's own, made as one makes it with the library. */
  addDocument(id: string): Promise<void>
  /** A transaction inside of this one, where the library has such: a savepoint. */
  nest?(work: (inside: Inside) => Promise<void>): Promise<void>
}

/** Options by which `pg` works in the host's schema. */
export function poolOptions({ connectionString, schema }: ConnectOptions) {
  return { connectionString, options: `-c search_path=${schema}`, max: 4 }
}
