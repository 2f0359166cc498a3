import type { ListParams, ListResult } from '@ainexlayer/webhooks'
import { type Executor, type Row, read, type Value } from './database.ts'

/**
 * Reads a page, newest first.
 *
 * @param where - Conditions and their values; those without a value are left out.
 */
export async function readList<Item>(
  on: Executor,
  table: string,
  where: Record<string, Value | undefined>,
  { before, limit, offset, withTotal }: ListParams,
  toItem: (row: Row) => Item,
): Promise<ListResult<Item>> {
  const given = Object.entries(where).filter((condition) => condition[1] !== undefined)
  const conditions = given.map(([condition]) => condition).join(' AND ')
  const values = given.map(([, value]) => value ?? null)
  const rows = await read<Row>(
    on,
    `SELECT * FROM ${table} WHERE ${conditions} ${before === null ? '' : 'AND id < ?'}
      ORDER BY id DESC LIMIT ? OFFSET ?`,
    [...values, ...(before === null ? [] : [before]), limit, offset],
  )
  if (!withTotal) return { items: rows.map(toItem), total: null }
  const count = `SELECT COUNT(*) AS total FROM ${table} WHERE ${conditions}`
  const [counted] = await read<{ total: number }>(on, count, values)
  return { items: rows.map(toItem), total: counted?.total ?? 0 }
}
