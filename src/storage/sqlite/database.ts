import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

export type Value = SQLInputValue

/** What a statement takes: the values of its `?`, in order, or those of its `:names`. */
export type Values = Value[] | [Record<string, Value>]

/**
 * Statements on one connection, each prepared once. `:names` read better and cost a microsecond
 * more than `?`, which is for what runs per delivery. (Node before 22.16 cannot bind `?1`.)
 *
 * `LIMIT +?` and not `LIMIT ?`: SQLite plans by the value of a bare limit, and compiles the statement
 * anew each time it is bound, which costs more than to run it.
 */
export class Statements {
  readonly #connection: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  readonly #preparedForTuples = new Map<string, StatementSync>()

  constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  /** @returns How many rows changed. */
  run(sql: string, ...values: Values): number {
    return Number(this.#prepare(sql).run(...(values as Value[])).changes)
  }

  /** @returns The rowid of the row that was inserted last. */
  insert(sql: string, ...values: Values): number {
    return Number(this.#prepare(sql).run(...(values as Value[])).lastInsertRowid)
  }

  get<Row>(sql: string, ...values: Values): Row | undefined {
    return this.#prepare(sql).get(...(values as Value[])) as Row | undefined
  }

  all<Row>(sql: string, ...values: Values): Row[] {
    return this.#prepare(sql).all(...(values as Value[])) as Row[]
  }

  /** A row as the list of its columns: half the cost of an object, where there are many. */
  getTuple<Row extends unknown[]>(sql: string, ...values: Values): Row | undefined {
    const row = this.#prepare(sql, true).get(...(values as Value[]))
    return row === undefined ? undefined : toTuple<Row>(row)
  }

  /** Rows, each as the list of its columns. */
  allTuples<Row extends unknown[]>(sql: string, ...values: Values): Row[] {
    const rows = this.#prepare(sql, true).all(...(values as Value[]))
    return rows.map((row) => toTuple<Row>(row))
  }

  #prepare(sql: string, asTuples = false): StatementSync {
    const prepared = asTuples ? this.#preparedForTuples : this.#prepared
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = this.#connection.prepare(sql)
    // A caller's connection may have other defaults.
    statement.setReadBigInts(false)
    setReturnArrays(statement, asTuples)
    prepared.set(sql, statement)
    return statement
  }
}

/** Node before 22.16 gives objects only. */
function setReturnArrays(
  statement: { setReturnArrays?: StatementSync['setReturnArrays'] },
  enabled: boolean,
): void {
  statement.setReturnArrays?.(enabled)
}

function toTuple<Row extends unknown[]>(row: object): Row {
  return (Array.isArray(row) ? row : Object.values(row)) as Row
}

/** Whether a write must outlive a power failure, or only the death of the process. */
export type Durability = 'full' | 'normal'

/**
 * For how long calls may follow each other, in milliseconds, before the event loop has a turn. SQLite
 * works on this thread, so that no call waits for anything; and a caller that makes one after the
 * other (a prune, a recovery) would keep timers and sockets waiting until it is through.
 */
const longestStintMs = 10

/** The real one, also where a test puts another clock in its place later: turns are no time. */
const afterTurn = setImmediate

function nextTurn(): Promise<void> {
  return new Promise((resolve) => afterTurn(resolve))
}

/** The storage's own connection: runs work in transactions and waits for other writers. */
export class Database {
  readonly statements: Statements
  readonly #connection: DatabaseSync
  readonly #busyTimeoutMs: number
  #synchronous: Durability | null = null
  /** When the first call of this turn of the event loop began; `null` where there was none. */
  #stintSince: number | null = null

  constructor(connection: DatabaseSync, options: { busyTimeoutMs: number }) {
    this.#connection = connection
    this.#busyTimeoutMs = options.busyTimeoutMs
    this.statements = new Statements(connection)
  }

  /** Runs `work` on one state of the file. */
  read<Result>(work: (statements: Statements) => Result): Promise<Result> {
    return this.#whenFree(() => this.#transaction('BEGIN', work))
  }

  /** Runs `work` as one write: all of it happens, or none. */
  write<Result>(
    work: (statements: Statements) => Result,
    durability: Durability = 'normal',
  ): Promise<Result> {
    return this.#whenFree(() => {
      this.#setSynchronous(durability)
      return this.#transaction('BEGIN IMMEDIATE', work)
    })
  }

  close(): void {
    this.#connection.close()
  }

  #transaction<Result>(begin: string, work: (statements: Statements) => Result): Result {
    this.#connection.exec(begin)
    try {
      const result = work(this.statements)
      this.#connection.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  /** SQLite ends the transaction by itself after some faults, such as a full disk. */
  #rollback(): void {
    try {
      this.#connection.exec('ROLLBACK')
    } catch {
      // The fault that led here is the one to report.
    }
  }

  /** Costs less than a microsecond, so it may change from one write to the next. */
  #setSynchronous(durability: Durability): void {
    if (this.#synchronous === durability) return
    this.#connection.exec(`PRAGMA synchronous = ${durability}`)
    this.#synchronous = durability
  }

  async #whenFree<Result>(work: () => Result): Promise<Result> {
    while (this.#stintMs() > longestStintMs) await nextTurn()
    return whenFree(work, this.#busyTimeoutMs)
  }

  #stintMs(): number {
    const now = performance.now()
    if (this.#stintSince !== null) return now - this.#stintSince
    this.#stintSince = now
    afterTurn(() => {
      this.#stintSince = null
    })
    return 0
  }
}

/**
 * How long to sleep between tries, in milliseconds; the last one repeats. SQLite's own busy handler
 * sleeps up to 100: beside a process that writes all the time, hardly any of its tries falls into
 * the moment between two writes.
 */
const pauses = [1, 1, 2, 2]
const longestPauseMs = 3

/**
 * Repeats `work` while another connection holds the lock that it needs. SQLite's own waiting
 * (`busy_timeout`) blocks the thread, and with it the very code that would release the lock where
 * the other connection is the host's own, with a transaction open across an `await`.
 */
export async function whenFree<Result>(work: () => Result, busyTimeoutMs: number): Promise<Result> {
  const startedAt = performance.now()
  for (let tries = 0; ; tries += 1) {
    try {
      return work()
    } catch (error) {
      const leftMs = startedAt + busyTimeoutMs - performance.now()
      if (!isBusy(error) || leftMs <= 0) throw error
      await sleep(Math.min(pauses[tries] ?? longestPauseMs, Math.ceil(leftMs)))
    }
  }
}

/** SQLITE_BUSY and its extended codes (https://www.sqlite.org/rescode.html#busy). */
function isBusy(error: unknown): boolean {
  return primaryCode(error) === 5
}

/** SQLite's primary result code of an error from the driver; `null` for any other error. */
export function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null
}
