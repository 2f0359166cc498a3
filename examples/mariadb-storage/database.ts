/** How the adapter talks to MariaDB: a few helpers over mysql2, and nothing that knows of webhooks. */
import type { Connection, Pool, RowDataPacket } from 'mysql2/promise'

export type Value = string | number | boolean | null
export type Row = Record<string, Value>

/** What statements are sent to: the pool, or the one connection of a transaction. */
export type Executor = Pick<Connection, 'query'>

/** Reads rows. Each `?` takes a value; `IN (?)` takes a list that is not empty. */
export async function read<Found>(
  on: Executor,
  sql: string,
  values: (Value | Value[])[] = [],
): Promise<Found[]> {
  const [rows] = await on.query<RowDataPacket[]>(sql, values)
  return rows as Found[]
}

/** Reads by a list of any length: the first `?` of the statement, as `IN (?)`. */
export async function readIn<Found>(
  on: Executor,
  sql: string,
  list: string[],
  values: Value[] = [],
): Promise<Found[]> {
  const found: Found[] = []
  for (const part of parts(list)) found.push(...(await read<Found>(on, sql, [part, ...values])))
  return found
}

/** Writes by a list of any length: the first `IN (?)` of the statement, after its other values. */
export async function writeIn(
  on: Executor,
  sql: string,
  values: Value[],
  list: string[],
): Promise<void> {
  for (const part of parts(list)) await on.query(sql, [...values, part])
}

/** Each entry once, and in one order, so that those who lock the same rows do not wait in a ring. */
function parts(list: string[]): Generator<string[]> {
  return chunks([...new Set(list)].sort())
}

/** Inserts rows, many to a statement. `onDuplicate` is what follows the values. */
export async function insertRows(
  on: Executor,
  table: string,
  rows: Row[],
  onDuplicate = '',
): Promise<void> {
  for (const part of chunks(rows)) {
    const columns = Object.keys(part[0] ?? {})
    const values = part.map((row) => columns.map((column) => row[column] ?? null))
    await on.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ? ${onDuplicate}`, [values])
  }
}

/**
 * Runs `work` in a transaction of its own.
 *
 * READ COMMITTED: each statement sees what is committed when it starts, and locks rows but not the
 * gaps between them, in which others insert.
 *
 * InnoDB ends a deadlock by rolling one transaction back and asking for it again: that is how it
 * works and no fault, so it is repeated here. Faults go to the engine as they come.
 */
export async function transact<Result>(
  pool: Pool,
  work: (on: Connection) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const connection = await pool.getConnection()
    try {
      await connection.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
      await connection.beginTransaction()
      const result = await work(connection)
      await connection.commit()
      connection.release()
      return result
    } catch (error) {
      await connection.rollback().then(
        () => connection.release(),
        () => connection.destroy(),
      )
      if (!isDeadlock(error) || attempt === mostAttempts) throw error
    }
  }
}

const mostAttempts = 10

function isDeadlock(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ER_LOCK_DEADLOCK'
}

const rowsPerStatement = 1_000
/** Characters, of which each takes up to six bytes: well below the default `max_allowed_packet`. */
const charactersPerStatement = 1_000_000

function* chunks<Item extends string | Row>(items: Item[]): Generator<Item[]> {
  let chunk: Item[] = []
  let size = 0
  for (const item of items) {
    const added = sizeOf(item)
    if (chunk.length === rowsPerStatement || size + added > charactersPerStatement) {
      if (chunk.length > 0) yield chunk
      chunk = []
      size = 0
    }
    chunk.push(item)
    size += added
  }
  if (chunk.length > 0) yield chunk
}

function sizeOf(item: string | Row): number {
  if (typeof item === 'string') return item.length
  return Object.values(item).reduce<number>(
    (size, value) => size + (typeof value === 'string' ? value.length : 8),
    0,
  )
}
