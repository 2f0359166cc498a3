import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Filter, FilterCondition, FilterValue } from '../../src/core/matching/filter.ts'
import { matchesFilter } from '../../src/core/matching/filter.ts'

const data = {
  name: 'Report.pdf',
  pages: 12,
  draft: false,
  owner: null,
  tags: ['legal', 'signed'],
  source: { type: 'upload', size: 0 },
  citations: [{ documentId: 'doc_1' }, { documentId: 'doc_2' }],
  at: '2026-11-23T09:14:02.418Z',
}

const passing: Filter[] = [
  { path: 'name', equals: 'Report.pdf' },
  { path: 'draft', equals: false },
  { path: 'owner', equals: null },
  { path: 'source.size', equals: 0 },
  { path: 'tags.1', equals: 'signed' },
  { path: 'citations.1.documentId', equals: 'doc_2' },
  { path: 'name', notEquals: 'report.pdf' },
  { path: 'name', notEquals: null },
  { path: 'source', notEquals: null },
  { path: 'pages', greaterThan: 11 },
  { path: 'pages', atLeast: 12 },
  { path: 'pages', atMost: 12 },
  { path: 'pages', lessThan: 12.5 },
  { path: 'at', atLeast: '2026-11-23T00:00:00.000Z' },
  { path: 'at', lessThan: '2026-11-24T00:00:00.000Z' },
  { path: 'pages', in: [1, 12] },
  { path: 'pages', in: ['twelve', 12] },
  { path: 'owner', exists: true },
  { path: 'tags', exists: true },
  { path: 'tags.2', exists: false },
  { path: 'editor', exists: false },
  { path: 'name', prefix: 'Report' },
  { not: { path: 'name', prefix: 'report' } },
  {
    and: [
      { path: 'pages', atLeast: 1 },
      { path: 'draft', equals: false },
    ],
  },
  {
    or: [
      { path: 'editor', equals: 'x' },
      { path: 'draft', equals: false },
    ],
  },
  { not: { path: 'editor', exists: true } },
]

const failing: Filter[] = [
  { path: 'name', equals: 'report.pdf' },
  { path: 'draft', equals: true },
  { path: 'name', equals: null },
  { path: 'name', notEquals: 'Report.pdf' },
  { path: 'owner', notEquals: null },
  { path: 'pages', greaterThan: 12 },
  { path: 'pages', lessThan: 12 },
  { path: 'pages', atLeast: 12.5 },
  { path: 'pages', atMost: 11 },
  { path: 'pages', in: [1, 2] },
  { path: 'name', prefix: 'Report.pdf.' },
  { path: 'name', prefix: 'eport' },
  { path: 'owner', exists: false },
  {
    and: [
      { path: 'pages', equals: 12 },
      { path: 'draft', equals: true },
    ],
  },
  {
    or: [
      { path: 'pages', equals: 1 },
      { path: 'draft', equals: true },
    ],
  },
  { not: { path: 'pages', equals: 12 } },
]

/** Neither these nor their opposites pass. */
const unknown: Filter[] = [
  // A field that is not there
  { path: 'editor', equals: 'x' },
  { path: 'editor', equals: null },
  { path: 'editor', notEquals: 'x' },
  { path: 'editor', notEquals: null },
  { path: 'editor.name', lessThan: 1 },
  { path: 'editor', in: ['x', null] },
  { path: 'editor', prefix: 'x' },
  { path: 'name.length', greaterThan: 0 },
  { path: 'tags.length', greaterThan: 0 },
  { path: 'tags.-1', equals: 'signed' },
  { path: 'tags.01', equals: 'signed' },
  { path: 'tags.1e0', equals: 'signed' },
  { path: 'owner.name', equals: 'x' },
  // A value of another type
  { path: 'pages', equals: '12' },
  { path: 'pages', notEquals: '12' },
  { path: 'draft', equals: 0 },
  { path: 'source.size', equals: false },
  { path: 'source', equals: '[object Object]' },
  { path: 'tags', equals: 'legal,signed' },
  { path: 'name', greaterThan: 0 },
  { path: 'pages', lessThan: '2' },
  { path: 'pages', prefix: '1' },
  { path: 'pages', in: ['12', true] },
  // No value
  { path: 'owner', equals: 'x' },
  { path: 'owner', notEquals: 'x' },
  { path: 'owner', lessThan: 1 },
  { path: 'owner', atMost: '' },
]

describe('matchesFilter', () => {
  it.each(passing)('passes %j', (filter) => {
    expect(matchesFilter(filter, data)).toBe(true)
    expect(matchesFilter({ not: filter }, data)).toBe(false)
  })

  it.each(failing)('holds back %j', (filter) => {
    expect(matchesFilter(filter, data)).toBe(false)
    expect(matchesFilter({ not: filter }, data)).toBe(true)
  })

  it.each(unknown)('holds back %j and its opposite', (filter) => {
    expect(matchesFilter(filter, data)).toBe(false)
    expect(matchesFilter({ not: filter }, data)).toBe(false)
    expect(matchesFilter({ not: { not: filter } }, data)).toBe(false)
  })

  it('does not let something unknown decide where the rest decides', () => {
    const maybe: Filter = { path: 'editor', equals: 'x' }
    const yes: Filter = { path: 'pages', equals: 12 }
    const no: Filter = { path: 'pages', equals: 1 }
    expect(matchesFilter({ or: [maybe, yes] }, data)).toBe(true)
    expect(matchesFilter({ or: [maybe, no] }, data)).toBe(false)
    expect(matchesFilter({ not: { or: [maybe, no] } }, data)).toBe(false)
    expect(matchesFilter({ and: [maybe, yes] }, data)).toBe(false)
    expect(matchesFilter({ not: { and: [maybe, yes] } }, data)).toBe(false)
    expect(matchesFilter({ not: { and: [maybe, no] } }, data)).toBe(true)
  })

  it.each([null, 'text', 12, true, []])('finds no field in data that is %j', (data) => {
    expect(matchesFilter({ path: 'a', exists: true }, data)).toBe(false)
    expect(matchesFilter({ path: '0', exists: true }, data)).toBe(false)
  })
})

describe('paths', () => {
  const inherited = [
    '__proto__',
    'constructor',
    'constructor.name',
    'constructor.prototype',
    'toString',
    'hasOwnProperty',
    '__proto__.polluted',
    'tags.constructor',
    'tags.map',
    'tags.length',
    'tags.__proto__',
    'name.0',
    'name.length',
  ]

  it.each(inherited)('do not reach %s, which no payload holds', (path) => {
    expect(matchesFilter({ path, exists: true }, data)).toBe(false)
    expect(matchesFilter({ path, notEquals: null }, data)).toBe(false)
  })

  it('reach such a key where the payload itself holds it', () => {
    const odd = JSON.parse('{"__proto__": {"admin": true}, "constructor": "Smith & Sons"}')
    expect(matchesFilter({ path: '__proto__.admin', equals: true }, odd)).toBe(true)
    expect(matchesFilter({ path: 'constructor', prefix: 'Smith' }, odd)).toBe(true)
    expect(matchesFilter({ path: 'admin', exists: true }, odd)).toBe(false)
  })

  it('do not see a polluted prototype', () => {
    const prototype = Object.prototype as Record<string, unknown>
    prototype.polluted = 'yes'
    try {
      expect(matchesFilter({ path: 'polluted', exists: true }, data)).toBe(false)
      expect(matchesFilter({ path: 'source.polluted', equals: 'yes' }, data)).toBe(false)
    } finally {
      delete prototype.polluted
    }
  })
})

/** True, unknown and false as 1, ½ and 0: Kleene's "and" is the least, "or" the greatest. */
function oracle(filter: Filter, data: unknown): number {
  if ('and' in filter) return Math.min(...filter.and.map((part) => oracle(part, data)))
  if ('or' in filter) return Math.max(...filter.or.map((part) => oracle(part, data)))
  if ('not' in filter) return 1 - oracle(filter.not, data)
  const found = lookUp(data, filter.path.split('.'))
  if ('exists' in filter) return Number((found.length === 1) === filter.exists)
  if ('in' in filter) return Math.max(...filter.in.map((value) => same(found, value)))
  if ('equals' in filter) return same(found, filter.equals)
  if ('notEquals' in filter) return 1 - same(found, filter.notEquals)
  const [operator, bound] = Object.entries(filter).find(([key]) => key !== 'path') ?? []
  const [value] = found
  if (typeof value !== typeof bound || found.length === 0) return 0.5
  const [a, b] = [value as string, bound as string]
  switch (operator) {
    case 'greaterThan':
      return Number(a > b)
    case 'atLeast':
      return Number(a >= b)
    case 'lessThan':
      return Number(a < b)
    case 'atMost':
      return Number(a <= b)
    default:
      return typeof a === 'string' ? Number(a.slice(0, b.length) === b) : 0.5
  }
}

/** The value a path leads to, in a list of its own; an empty list if there is none. */
function lookUp(value: unknown, keys: string[]): unknown[] {
  const [key, ...rest] = keys
  if (key === undefined) return [value]
  if (value === null || typeof value !== 'object') return []
  const entry = Object.entries(value).find(([name]) => name === key)
  return entry === undefined ? [] : lookUp(entry[1], rest)
}

function same(found: unknown[], value: FilterValue): number {
  if (found.length === 0) return 0.5
  if (value !== null && typeof found[0] !== typeof value) return 0.5
  return Number(found[0] === value)
}

const scalar = fc.constantFrom<FilterValue[]>(null, true, false, 0, 1, 2, '', 'a', 'ab', 'b')
const ordered = fc.constantFrom<(number | string)[]>(0, 1, 2, '', 'a', 'ab', 'b')
const key = fc.constantFrom('a', 'b', '0', '1')
const path = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.join('.'))
const condition: fc.Arbitrary<FilterCondition> = fc.oneof(
  fc.record({ path, equals: scalar }),
  fc.record({ path, notEquals: scalar }),
  fc.record({ path, greaterThan: ordered }),
  fc.record({ path, atLeast: ordered }),
  fc.record({ path, lessThan: ordered }),
  fc.record({ path, atMost: ordered }),
  fc.record({ path, in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ path, exists: fc.boolean() }),
  fc.record({ path, prefix: fc.constantFrom('a', 'ab', 'b') }),
)
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    condition,
    fc.record({ and: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
}))
const { payload } = fc.letrec((tie) => ({
  payload: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.dictionary(key, tie('payload')),
    fc.array(tie('payload'), { maxLength: 3 }),
  ),
}))

describe('laws', () => {
  it('agrees with a naive reading of the rules', () => {
    const seen = { 0: 0, 0.5: 0, 1: 0 }
    fc.assert(
      fc.property(filter, payload, (filter, data) => {
        const truth = oracle(filter, data) as keyof typeof seen
        seen[truth] += 1
        expect(matchesFilter(filter, data)).toBe(truth === 1)
        expect(matchesFilter({ not: filter }, data)).toBe(truth === 0)
      }),
      { numRuns: 5000 },
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(200)
  })

  it('passes nothing on a field that is missing, however it is asked', () => {
    fc.assert(
      fc.property(condition, (condition) => {
        fc.pre(!('exists' in condition))
        expect(matchesFilter(condition, {})).toBe(false)
        expect(matchesFilter({ not: condition }, {})).toBe(false)
      }),
    )
  })

  it('reads a path once and takes each step once, however large the data', () => {
    let steps = 0
    const huge = {
      wide: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])),
    }
    const counting = (value: object): object =>
      new Proxy(value, {
        get(target, key) {
          steps += 1
          const next: unknown = Reflect.get(target, key)
          return typeof next === 'object' && next !== null ? counting(next) : next
        },
        ownKeys() {
          throw new Error('looked at all keys')
        },
      })
    const conditions = Array.from({ length: 100 }, (_, i) => ({ path: `wide.k${i}`, atMost: i }))
    expect(matchesFilter({ and: conditions }, counting(huge))).toBe(true)
    expect(steps).toBe(200)
  })
})
