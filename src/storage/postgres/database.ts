import { createHash } from 'node:crypto'
import { optionsOf, type PoolStatement, type PostgresPool, type TextRow } from './pool.ts'
import type { SchemaNames } from './schema/names.ts'
import { encodeText, TextList } from './values.ts'

export const asText: PoolStatement['types'] = { getTypeParser: () => (text) => text }

/**
 * How long the answer to a statement may take; a pool's own `query_timeout` goes first. Then `pg`
 * gives the connection up: one that was cut without a word, as in some failovers, would keep its
 * place in the pool for a quarter of an hour.
 */
const longestAnswerMs = 30_000

/** A statement that may have millions of rows to look at. */
export const unhurried = { isUnhurried: true }

interface StatementOptions {
  isUnhurried?: boolean
}

/** How often something is tried that the server asks to repeat. */
const mostTries = 5

/**
 * What the server asks to repeat by design: the victim of a deadlock, as with a host that locks
 * rows of ours, and a statement that could not be serialized, where the pool's transactions are
 * SERIALIZABLE or REPEATABLE READ.
 * https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
 */
function isToBeRepeated(error: unknown): boolean {
  return error instanceof Error && 'code' in error && repeatedCodes.has(String(error.code))
}

const repeatedCodes = new Set(['40001', '40P01'])

/** Runs a whole transaction, and again where the server asks for it. */
export async function repeatedly<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction()
    } catch (error) {
      if (tries === mostTries || !isToBeRepeated(error)) throw error
    }
  }
}

/** Our schema in the host's database. */
export class Database {
  readonly names: SchemaNames
  readonly #pool: PostgresPool
  /** What the names of prepared statements begin with; `null` where none are prepared. */
  readonly #prefix: string | null
  readonly #timeLimit: { query_timeout?: number }

  /**
   * @param options.prepare - Whether statements that run often are prepared by name. That spares
   * the server a tenth of a millisecond each; but PgBouncer in transaction mode gives each
   * transaction another connection, where the name may be unknown.
   */
  constructor(pool: PostgresPool, names: SchemaNames, options: { prepare: boolean }) {
    this.#pool = pool
    this.names = names
    // Short, as names of statements are cut at 63 bytes, and its own for each schema: storages with
    // different schemas may share a connection.
    const digest = createHash('sha256').update(names.schema).digest('hex').slice(0, 12)
    this.#prefix = options.prepare ? `webhooks ${digest}` : null
    const hasOwnLimit = 'query_timeout' in optionsOf(pool)
    this.#timeLimit = hasOwnLimit ? {} : { query_timeout: longestAnswerMs }
  }

  /** The schema's name, quoted. */
  get schema(): string {
    return this.names.schema
  }

  /** Whether a statement that has a name is planned once, and not each time. */
  get prepares(): boolean {
    return this.#prefix !== null
  }

  /** Runs one statement, in a transaction of its own. */
  query<Row = TextRow>(
    sql: string,
    params: readonly Param[] = [],
    options: StatementOptions = {},
  ): Promise<Row[]> {
    return this.#run(sql, params, options)
  }

  /** Runs a statement that runs often; `name` stands for this very text. */
  queryNamed<Row = TextRow>(
    name: string,
    sql: string,
    params: readonly Param[],
    options: StatementOptions = {},
  ): Promise<Row[]> {
    const named = this.#prefix === null ? {} : { name: `${this.#prefix} ${name}` }
    return this.#run(sql, params, { ...options, ...named })
  }

  /** Calls a function of ours. */
  call<Row = TextRow>(
    name: string,
    params: readonly Param[],
    options: StatementOptions = {},
  ): Promise<Row[]> {
    return this.queryNamed(name, callSql(this.schema, name, params), params, options)
  }

  async #run<Row>(
    text: string,
    params: readonly Param[],
    { isUnhurried = false, ...named }: StatementOptions & { name?: string },
  ): Promise<Row[]> {
    const statement = { ...named, text, values: params.map(paramText), types: asText }
    const timeLimit = isUnhurried ? {} : this.#timeLimit
    const { rows } = await repeatedly(() => this.#pool.query({ ...statement, ...timeLimit }))
    return rows as Row[]
  }
}

/** A parameter: an instant travels as epoch milliseconds. */
export type Param = string | number | boolean | Date | TextList | null

export function paramText(param: Param): string | null {
  if (param === null) return null
  if (param instanceof Date) return String(param.getTime())
  if (param instanceof TextList) return param.text
  return typeof param === 'string' ? encodeText(param) : String(param)
}

function callSql(schema: string, name: string, params: readonly Param[]): string {
  const places = params.map((param, index) => {
    const place = `$${index + 1}`
    return param instanceof TextList ? TextList.sql(place) : place
  })
  return `SELECT * FROM ${schema}.${name}(${places.join(', ')})`
}
