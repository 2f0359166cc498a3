import { WebhooksError, type WebhooksErrorIssue } from '../../errors.ts'
import { describeIssues, quote } from '../issues.ts'
import type { Filter, FilterValue } from './filter.ts'

/** What a filter may cost at most: it is stored with its endpoint and judged for every event. */
export const filterLimits = {
  /** How deep `and`, `or` and `not` may nest; a condition by itself has depth 1. */
  depth: 10,
  /** Conditions, combinations and values in `in` lists, all together. */
  terms: 200,
  /** Characters of a path. */
  pathLength: 256,
  /** Characters of a text to compare with. */
  textLength: 1024,
} as const

const combinations = ['and', 'or', 'not'] as const
const operators = [
  'equals',
  'notEquals',
  'greaterThan',
  'atLeast',
  'lessThan',
  'atMost',
  'in',
  'exists',
  'prefix',
] as const
type Operator = (typeof operators)[number]

const wayOut =
  'A filter is { "and": [filters] }, { "or": [filters] }, { "not": filter }, or one condition ' +
  `such as { "path": "document.mimeType", "equals": "application/pdf" } with one of ${operators.join(', ')}.`

type Path = (string | number)[]

/** The walk over one filter: what was found, and how much of the allowance is used. */
interface Walk {
  issues: WebhooksErrorIssue[]
  terms: number
}

/**
 * Lets a payload filter pass and returns a clean copy of it. The input may be anything that a
 * stranger sends: the walk ends at the limits, whatever lies beyond them.
 *
 * Written by hand rather than as a recursive zod union: a union reports every alternative that
 * did not fit, and its recursion has no bound.
 *
 * @throws WebhooksError `invalid_filter`, with every finding in `issues`.
 */
export function validateFilter(value: unknown): Filter {
  const walk: Walk = { issues: [], terms: 0 }
  const filter = readFilter(value, [], 1, walk)
  if (filter === undefined || walk.issues.length > 0) {
    throw new WebhooksError(
      'invalid_filter',
      `The filter is not valid: ${describeIssues(walk.issues)}. ${wayOut}`,
      { issues: walk.issues },
    )
  }
  return filter
}

/** Notes a finding; `undefined` stands for a part that is not valid. */
function refuse(walk: Walk, path: Path, message: string): undefined {
  walk.issues.push({ path, message })
  return undefined
}

/** Counts one term. Says so once when the allowance is used up, and never lets another pass. */
function affords(walk: Walk, path: Path): boolean {
  walk.terms += 1
  if (walk.terms === filterLimits.terms + 1) {
    refuse(walk, path, `more than ${filterLimits.terms} conditions and values in one filter`)
  }
  return walk.terms <= filterLimits.terms
}

function readFilter(value: unknown, path: Path, depth: number, walk: Walk): Filter | undefined {
  if (!affords(walk, path)) return undefined
  if (depth > filterLimits.depth) {
    return refuse(walk, path, `nested deeper than ${filterLimits.depth} levels`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(walk, path, 'must be an object')
  }
  const node = value as Record<string, unknown>
  const keys = Object.keys(node)
  const combination = combinations.find((name) => Object.hasOwn(node, name))
  if (combination === undefined) return readCondition(node, keys, path, walk)
  if (keys.length > 1) {
    return refuse(walk, path, `"${combination}" must stand alone in its object`)
  }
  if (combination === 'not') {
    const inner = readFilter(node.not, [...path, 'not'], depth + 1, walk)
    return inner && { not: inner }
  }
  const parts = readFilters(node[combination], [...path, combination], depth, walk)
  if (parts === undefined) return undefined
  return combination === 'and' ? { and: parts } : { or: parts }
}

function readFilters(value: unknown, path: Path, depth: number, walk: Walk): Filter[] | undefined {
  if (!Array.isArray(value)) return refuse(walk, path, 'must be a list of filters')
  // By the letter of logic an empty "and" passes everything: more likely a mistake than a wish.
  if (value.length === 0) return refuse(walk, path, 'must not be empty')
  const filters: Filter[] = []
  for (let index = 0; index < value.length && walk.terms <= filterLimits.terms; index++) {
    const filter = readFilter(value[index], [...path, index], depth + 1, walk)
    if (filter !== undefined) filters.push(filter)
  }
  return filters
}

function readCondition(
  node: Record<string, unknown>,
  keys: string[],
  path: Path,
  walk: Walk,
): Filter | undefined {
  const stranger = keys.find((key) => key !== 'path' && !operators.some((name) => name === key))
  if (stranger !== undefined) return refuse(walk, path, `${quote(stranger)} is not an operator`)
  const [operator, second] = operators.filter((name) => Object.hasOwn(node, name))
  if (operator === undefined) {
    return refuse(walk, path, 'must hold "and", "or", "not", or a "path" with an operator')
  }
  if (second !== undefined) {
    return refuse(
      walk,
      path,
      `has both "${operator}" and "${second}": put each into a condition of its own under "and"`,
    )
  }
  const ownPath = Object.hasOwn(node, 'path') ? node.path : undefined
  const field = readFieldPath(ownPath, [...path, 'path'], walk)
  const condition = readOperand(field ?? '', operator, node[operator], [...path, operator], walk)
  return field === undefined ? undefined : condition
}

function readFieldPath(value: unknown, path: Path, walk: Walk): string | undefined {
  if (typeof value !== 'string') return refuse(walk, path, 'must be a text')
  if (value.length > filterLimits.pathLength) {
    return refuse(walk, path, `longer than ${filterLimits.pathLength} characters`)
  }
  if (value.split('.').includes('')) {
    return refuse(walk, path, 'must be keys joined by dots, none of them empty')
  }
  return value
}

function readOperand(
  field: string,
  operator: Operator,
  value: unknown,
  path: Path,
  walk: Walk,
): Filter | undefined {
  switch (operator) {
    case 'exists':
      if (typeof value !== 'boolean') return refuse(walk, path, 'must be true or false')
      return { path: field, exists: value }
    case 'in': {
      const values = readValues(value, path, walk)
      return values && { path: field, in: values }
    }
    case 'prefix': {
      if (value === '') return refuse(walk, path, 'must not be empty')
      if (typeof value !== 'string') return refuse(walk, path, 'must be a text')
      const prefix = readValue(value, path, walk)
      return prefix === undefined ? undefined : { path: field, prefix: value }
    }
    case 'equals':
    case 'notEquals': {
      const scalar = readValue(value, path, walk)
      if (scalar === undefined) return undefined
      return operator === 'equals'
        ? { path: field, equals: scalar }
        : { path: field, notEquals: scalar }
    }
    default: {
      const bound = readValue(value, path, walk)
      if (bound === undefined) return undefined
      if (typeof bound !== 'number' && typeof bound !== 'string') {
        return refuse(walk, path, 'must be a number or a text')
      }
      return orderCondition(field, operator, bound)
    }
  }
}

function orderCondition(
  path: string,
  operator: 'greaterThan' | 'atLeast' | 'lessThan' | 'atMost',
  bound: number | string,
): Filter {
  switch (operator) {
    case 'greaterThan':
      return { path, greaterThan: bound }
    case 'atLeast':
      return { path, atLeast: bound }
    case 'lessThan':
      return { path, lessThan: bound }
    case 'atMost':
      return { path, atMost: bound }
  }
}

function readValues(value: unknown, path: Path, walk: Walk): FilterValue[] | undefined {
  if (!Array.isArray(value)) return refuse(walk, path, 'must be a list of values')
  if (value.length === 0) return refuse(walk, path, 'must not be empty')
  const values: FilterValue[] = []
  for (let index = 0; index < value.length; index++) {
    if (!affords(walk, path)) return undefined
    const scalar = readValue(value[index], [...path, index], walk)
    if (scalar !== undefined) values.push(scalar)
  }
  return values
}

/** A value to compare with; `undefined` if it is none, which is never a value itself. */
function readValue(value: unknown, path: Path, walk: Walk): FilterValue | undefined {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') {
    if (value.length <= filterLimits.textLength) return value
    return refuse(walk, path, `longer than ${filterLimits.textLength} characters`)
  }
  // JSON has no other numbers, and turns -0 into 0: so does the copy.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  return refuse(walk, path, 'must be a text, a finite number, true, false or null')
}
