import type { ListParams, ListResult } from '../storage.ts'
import type { Database, Param } from './database.ts'

/** Conditions of a statement, and the parameters they name. */
export class Conditions {
  readonly #parts: { left: string; right: Param }[] = []

  /** `undefined` leaves the condition out. */
  and(column: string, operator: '=' | '<' | '>=', value: Param | undefined): this {
    if (value !== undefined) this.#parts.push({ left: `${column} ${operator}`, right: value })
    return this
  }

  /** As SQL; adds the values to `params`. */
  write(params: Param[]): string {
    return this.#parts.map(({ left, right }) => `${left} $${params.push(right)}`).join(' AND ')
  }

  copy(): Conditions {
    const copy = new Conditions()
    copy.#parts.push(...this.#parts)
    return copy
  }
}

/** What a list is read from. */
interface ListSource {
  /** The table, and the name by which `columns` calls it. */
  table: string
  alias: string
  /** The column that orders the list. */
  id: string
  /**
   * Conditions that select, each, one stretch of an index in the list's order. Several stretches
   * are merged as they are read, so that no page is ever sorted from more than it shows.
   */
  stretches: Conditions[]
  /** What is read of the rows on the page, and what is joined to them for it. */
  columns: string
  join?: string
}

/** Reads a page of a list, newest first, and how many match over all pages. */
export async function readList<Row>(
  database: Database,
  page: ListParams,
  source: ListSource,
): Promise<ListResult<Row>> {
  const [items, total] = await Promise.all([
    readPage<Row>(database, page, source),
    page.withTotal ? countAll(database, source) : null,
  ])
  return { items, total }
}

async function readPage<Row>(
  database: Database,
  { before, limit, offset }: ListParams,
  { table, alias, id, stretches, columns, join = '' }: ListSource,
): Promise<Row[]> {
  const params: Param[] = [offset + limit]
  const parts = stretches.map((stretch) => {
    const conditions = stretch
      .copy()
      .and(id, '<', before ?? undefined)
      .write(params)
    return `(SELECT ${id} FROM ${database.schema}.${table} WHERE ${conditions}
      ORDER BY ${id} DESC LIMIT $1)`
  })
  return database.query<Row>(
    `WITH page AS MATERIALIZED (
      SELECT ${id} FROM (${parts.join(' UNION ALL ')}) AS stretches
        ORDER BY ${id} DESC LIMIT $${params.push(limit)} OFFSET $${params.push(offset)}
    )
    SELECT ${columns} FROM page JOIN ${database.schema}.${table} AS ${alias} USING (${id}) ${join}
      ORDER BY page.${id} DESC`,
    params,
  )
}

async function countAll(database: Database, { table, stretches }: ListSource): Promise<number> {
  const params: Param[] = []
  const parts = stretches.map(
    (stretch) =>
      `(SELECT count(*) FROM ${database.schema}.${table} WHERE ${stretch.write(params)})`,
  )
  const [row] = await database.query<{ total: string }>(
    `SELECT ${parts.join(' + ')} AS total`,
    params,
  )
  return Number(row?.total)
}
