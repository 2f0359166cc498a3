import type { ListParams, ListResult } from '../storage.ts'
import type { SortedList } from './sorted-list.ts'

type Condition<Row> = (row: Row) => boolean

/** One page, newest first, of the rows that meet every condition; `false` stands for none. */
export function listPage<Row extends { readonly id: string }, Item>(
  rows: SortedList<Row> | undefined,
  conditions: (Condition<Row> | false)[],
  { offset, before, limit, withTotal }: ListParams,
  copy: (row: Row) => Item,
): ListResult<Item> {
  if (rows === undefined) return { items: [], total: withTotal ? 0 : null }
  const asked = conditions.filter((condition) => condition !== false)
  const meets = (row: Row) => asked.every((condition) => condition(row))
  const items: Item[] = []
  // Without conditions the list itself knows where a page begins, however deep.
  let toSkip = asked.length === 0 ? 0 : offset
  for (const row of rows.descending(before, asked.length === 0 ? offset : 0)) {
    if (items.length >= limit) break
    if (!meets(row)) continue
    if (toSkip > 0) toSkip -= 1
    else items.push(copy(row))
  }
  return { items, total: withTotal ? count(rows, asked.length === 0 ? null : meets) : null }
}

function count<Row extends { readonly id: string }>(
  rows: SortedList<Row>,
  meets: Condition<Row> | null,
): number {
  if (meets === null) return rows.size
  let total = 0
  for (const row of rows.ascending()) if (meets(row)) total += 1
  return total
}
