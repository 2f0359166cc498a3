/** What a payload field can be compared with. */
export type FilterValue = string | number | boolean | null

/**
 * A condition on an event's data, as plain data that can be stored and shown.
 *
 * `path` is a dotted path of keys from the data's root: `document.mimeType`. Elements of arrays
 * are named by their index: `citations.0.documentId`. Keys that themselves hold a dot cannot be
 * named.
 *
 * A condition is true, false or unknown, after Kleene's three-valued logic (that of SQL), and an
 * event passes only where the whole filter is true:
 *
 * - A field that is missing, or of another type than the value it is compared with, makes every
 *   condition on it unknown; so does a `null` in the data, unless it is compared with `null`.
 *   `not` and `notEquals` of something unknown are unknown as well: what is not there never
 *   matches by accident.
 * - `exists` is always true or false. A field that holds `null` exists.
 * - `null` may be compared with anything that is there: `{ path, notEquals: null }`.
 * - `in` is an `or` of `equals`.
 * - Order is that of numbers, or of texts by their UTF-16 code units, which is also the order of
 *   ISO instants that end in `Z`.
 */
export type Filter = { and: Filter[] } | { or: Filter[] } | { not: Filter } | FilterCondition

/** A condition on one field. */
export type FilterCondition =
  | { path: string; equals: FilterValue }
  | { path: string; notEquals: FilterValue }
  | { path: string; greaterThan: number | string }
  | { path: string; atLeast: number | string }
  | { path: string; lessThan: number | string }
  | { path: string; atMost: number | string }
  | { path: string; in: FilterValue[] }
  | { path: string; exists: boolean }
  | { path: string; prefix: string }

type Truth = boolean | 'unknown'

/** No field: what a path leads to when it leads nowhere. */
const missing = Symbol('missing')

/**
 * Tells whether an event's data passes a filter. Takes time linear in the filter, which
 * `validateFilter` bounds, whatever the size of the data.
 *
 * @param filter - A filter that `validateFilter` let through.
 * @param data - The event's data as `JSON.parse` gives it.
 */
export function matchesFilter(filter: Filter, data: unknown): boolean {
  return judge(filter, data) === true
}

function judge(filter: Filter, data: unknown): Truth {
  if ('and' in filter) return all(filter.and, data)
  if ('or' in filter) return any(filter.or, data)
  if ('not' in filter) return negate(judge(filter.not, data))
  return judgeField(filter, readPath(data, filter.path))
}

function all(filters: Filter[], data: unknown): Truth {
  let truth: Truth = true
  for (const filter of filters) {
    const next = judge(filter, data)
    if (next === false) return false
    if (next === 'unknown') truth = 'unknown'
  }
  return truth
}

function any(filters: Filter[], data: unknown): Truth {
  let truth: Truth = false
  for (const filter of filters) {
    const next = judge(filter, data)
    if (next === true) return true
    if (next === 'unknown') truth = 'unknown'
  }
  return truth
}

function negate(truth: Truth): Truth {
  return truth === 'unknown' ? 'unknown' : !truth
}

function judgeField(condition: FilterCondition, field: unknown): Truth {
  if ('exists' in condition) return (field !== missing) === condition.exists
  if ('equals' in condition) return equals(field, condition.equals)
  if ('notEquals' in condition) return negate(equals(field, condition.notEquals))
  if ('in' in condition) return isAmong(field, condition.in)
  if ('prefix' in condition) {
    return typeof field === 'string' ? field.startsWith(condition.prefix) : 'unknown'
  }
  if ('greaterThan' in condition) return negate(isBelowOrSame(field, condition.greaterThan))
  if ('atMost' in condition) return isBelowOrSame(field, condition.atMost)
  if ('atLeast' in condition) return negate(isBelow(field, condition.atLeast))
  return isBelow(field, condition.lessThan)
}

function equals(field: unknown, value: FilterValue): Truth {
  if (field === missing) return 'unknown'
  if (value !== null && typeof field !== typeof value) return 'unknown'
  return field === value
}

function isAmong(field: unknown, values: FilterValue[]): Truth {
  let truth: Truth = false
  for (const value of values) {
    const next = equals(field, value)
    if (next === true) return true
    if (next === 'unknown') truth = 'unknown'
  }
  return truth
}

function isBelow(field: unknown, bound: number | string): Truth {
  if (typeof field === 'number' && typeof bound === 'number') return field < bound
  if (typeof field === 'string' && typeof bound === 'string') return field < bound
  return 'unknown'
}

function isBelowOrSame(field: unknown, bound: number | string): Truth {
  return field === bound ? true : isBelow(field, bound)
}

/**
 * Follows a path through own properties only: nothing inherited can be reached, so that
 * `constructor` or `__proto__` lead somewhere only where the payload itself has such a key.
 */
function readPath(data: unknown, path: string): unknown {
  let value = data
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return missing
    // An array's own properties include `length`, which is no part of the payload.
    if (Array.isArray(value) && !isIndex(key)) return missing
    if (!Object.hasOwn(value, key)) return missing
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** Whether a key is an array index as JavaScript writes it: no sign, no leading zero. */
function isIndex(key: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(key)
}
