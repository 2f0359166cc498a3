import type { ListParams } from '../storage.ts'
import type { Statements, Value } from './database.ts'

/** What a list is read from. */
export interface ListSource {
  /** Table and index. */
  from: string
  /** The column that orders the list. */
  id: string
  /**
   * Conditions that select, each, one stretch of the index in the list's order. Several stretches
   * are merged as they are read, so that no page is ever sorted.
   */
  stretches: string[]
  /** Further conditions and their values; those without a value are left out. */
  filters: { sql: string; name: string; value: Value | undefined }[]
  /** Values named in `stretches`. */
  values: Record<string, Value>
}

/** Reads the ids on a page of a list, newest first, and how many match over all pages. */
export function readList(
  statements: Statements,
  params: ListParams,
  source: ListSource,
): { ids: string[]; total: number | null } {
  const filters = source.filters.filter(({ value }) => value !== undefined)
  const values: Record<string, Value> = { ...source.values }
  for (const { name, value } of filters) values[name] = value ?? null
  const conditions = filters.map(({ sql }) => ` AND ${sql}`).join('')
  return {
    ids: readPage(statements, params, source, conditions, values),
    total: params.withTotal ? count(statements, source, conditions, values) : null,
  }
}

function readPage(
  statements: Statements,
  { before, limit, offset }: ListParams,
  { from, id, stretches }: ListSource,
  conditions: string,
  values: Record<string, Value>,
): string[] {
  const below = before === null ? '' : ` AND ${id} < :before`
  const parts = stretches.map(
    (stretch) => `SELECT ${id} AS id FROM ${from} WHERE ${stretch}${conditions}${below}`,
  )
  const page = `${parts.join(' UNION ALL ')} ORDER BY id DESC LIMIT +:limit OFFSET +:offset`
  const bounds: Record<string, Value> = before === null ? {} : { before }
  const rows = statements.all<{ id: string }>(page, { ...values, ...bounds, limit, offset })
  return rows.map((row) => row.id)
}

function count(
  statements: Statements,
  { from, stretches }: ListSource,
  conditions: string,
  values: Record<string, Value>,
): number {
  let total = 0
  for (const stretch of stretches) {
    const sql = `SELECT count(*) AS count FROM ${from} WHERE ${stretch}${conditions}`
    total += statements.get<{ count: number }>(sql, values)?.count ?? 0
  }
  return total
}
