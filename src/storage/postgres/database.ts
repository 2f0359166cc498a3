import type { PoolStatement, PostgresPool, TextRow } from './pool.ts'
import type { SchemaNames } from './schema/names.ts'
import { encodeText } from './values.ts'

export const asText: PoolStatement['types'] = { getTypeParser: () => (text) => text }

/**
 * Our schema in the host's database. Statements are never named: through PgBouncer in transaction
 * mode, a name that one connection prepared is unknown to the next. Those that run often are
 * functions, whose plans the server keeps by itself.
 */
export class Database {
  readonly names: SchemaNames
  readonly #pool: PostgresPool

  constructor(pool: PostgresPool, names: SchemaNames) {
    this.#pool = pool
    this.names = names
  }

  /** The schema's name, quoted. */
  get schema(): string {
    return this.names.schema
  }

  /** Runs one statement, in a transaction of its own. */
  async query<Row = TextRow>(sql: string, params: readonly Param[] = []): Promise<Row[]> {
    const { rows } = await this.#pool.query({
      text: sql,
      values: params.map(paramText),
      types: asText,
    })
    return rows as Row[]
  }

  /** Calls a function of ours. */
  async call<Row = TextRow>(name: string, params: readonly Param[]): Promise<Row[]> {
    return this.query<Row>(callSql(this.schema, name, params.length), params)
  }
}

/** A parameter: an instant travels as epoch milliseconds. */
export type Param = string | number | boolean | Date | null

export function paramText(param: Param): string | null {
  if (param === null) return null
  if (param instanceof Date) return String(param.getTime())
  return typeof param === 'string' ? encodeText(param) : String(param)
}

function callSql(schema: string, name: string, count: number): string {
  const places = Array.from({ length: count }, (_, index) => `$${index + 1}`)
  return `SELECT * FROM ${schema}.${name}(${places.join(', ')})`
}
