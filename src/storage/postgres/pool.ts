/**
 * What we ask of the host's `pg`. Shapes of our own, so that this package has no need of `pg` or
 * its types: the pool brings everything along.
 */

/** A row as we ask for it: every value as the server's text. */
export type TextRow = Record<string, string | null>

/** A statement as `pg` takes it. */
export interface PoolStatement {
  /** Prepared under this name, once per connection. */
  name?: string
  text: string
  values: (string | null)[]
  /** Stands in for the type parsers of the host, which may be anything. */
  types: { getTypeParser(): (text: string) => string }
  /** After how many milliseconds without an answer the connection counts as lost. */
  query_timeout?: number
}

/** A connection of its own, as `pg.Client`. */
export interface PoolConnection {
  query(statement: string | PoolStatement): Promise<{ rows: unknown[] }>
  on(event: 'notification', listener: (message: { payload?: string | undefined }) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
}

/** A connection made for us alone. */
export interface OwnConnection extends PoolConnection {
  connect(): Promise<unknown>
  end(): Promise<void>
}

/** A connection on loan, as `pg.PoolClient`. */
export interface LoanedConnection extends PoolConnection {
  /** The backend's process id as the far end gave it out; not every driver shows it. */
  processID?: number | null
  release(destroy?: boolean): void
  removeListener(event: 'error', listener: () => void): unknown
}

/** A `Pool` of `pg` 8, or of anything with its shape. */
export interface PostgresPool {
  query(statement: PoolStatement): Promise<{ rows: unknown[] }>
  connect(): Promise<LoanedConnection>
}

/**
 * A connection with an open transaction of yours, on the database of the storage: an event emitted
 * on it commits or vanishes with the transaction. A `Client` or `PoolClient` of `pg` has this shape.
 * For a transaction of Prisma, Drizzle, Kysely, Knex or TypeORM there are wrappers:
 * `prismaTransaction`, `drizzleTransaction`, `kyselyTransaction`, `knexTransaction`,
 * `typeormTransaction`.
 *
 * For anything else, wrap what runs a parameterised statement (`$1`, `$2`, …) on the transaction's
 * connection: all parameters are strings or `null`, all values of the rows are text.
 *
 * An event that is refused for what it is (`invalid_payload`, `unknown_event` and the like) reaches
 * no connection and leaves the transaction as it was. An error of Postgres (`storage_failed`) ends
 * the transaction, as ever in Postgres: only ROLLBACK is left, or ROLLBACK TO a savepoint that you
 * made before `emit`.
 *
 * @example
 * const client = await pool.connect()
 * await client.query('BEGIN')
 * await client.query('UPDATE documents SET status = $1 WHERE id = $2', ['processed', id])
 * await webhooks.emit('document.processed', data, { transaction: client })
 * await client.query('COMMIT')
 */
export interface PostgresTransaction {
  query(sql: string, params: (string | null)[]): Promise<{ rows: unknown[] }>
  /** Only a pool has it, and a pool runs each statement on any connection: it is refused. */
  readonly totalCount?: never
}

/** What the pool was made with; nothing where it does not show that. */
export function optionsOf(pool: PostgresPool): object {
  return ('options' in pool && typeof pool.options === 'object' && pool.options) || {}
}

/** Runs `work` on a connection of its own, which after a failure is not handed to others. */
export async function onLoan<Result>(
  pool: PostgresPool,
  work: (connection: LoanedConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await pool.connect()
  // That it is lost shows in the statement as well. An event with nobody listening ends the process.
  const ignore = () => {}
  connection.on('error', ignore)
  try {
    const result = await work(connection)
    connection.removeListener('error', ignore)
    connection.release()
    return result
  } catch (error) {
    connection.release(true)
    throw error
  }
}
