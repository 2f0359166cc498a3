import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filterLimits, validateFilter } from '../../src/core/matching/filter-validation.ts'
import { isWebhooksError, type WebhooksError } from '../../src/errors.ts'

const condition = { path: 'a.b', equals: 1 }

function refusal(value: unknown): WebhooksError {
  try {
    validateFilter(value)
  } catch (error) {
    if (isWebhooksError(error, 'invalid_filter')) return error
    throw error
  }
  throw new Error(`was let through: ${JSON.stringify(value)?.slice(0, 80)}`)
}

/** A filter of the given depth. */
function nested(depth: number): unknown {
  let filter: unknown = condition
  for (let level = 1; level < depth; level++) filter = { not: filter }
  return filter
}

describe('validateFilter', () => {
  it.each([
    condition,
    { path: 'a', notEquals: null },
    { path: 'a', greaterThan: 1 },
    { path: 'a', atLeast: '2026-01-01T00:00:00Z' },
    { path: 'a', lessThan: -1.5 },
    { path: 'a', atMost: 0 },
    { path: 'a', in: [1, 'x', true, null] },
    { path: 'a', exists: false },
    { path: 'a', prefix: 'x' },
    { path: 'ключ.文.0', equals: '' },
    { and: [condition, { or: [condition, { not: condition }] }] },
  ])('returns a copy of %j', (filter) => {
    const copy = validateFilter(filter)
    expect(copy).toEqual(filter)
    expect(copy).not.toBe(filter)
  })

  it('copies deeply, so that nobody can change a filter after it was checked', () => {
    const values = [1]
    const parts = [{ path: 'a', in: values }]
    const copy = validateFilter({ and: parts })
    values.push(2)
    parts.push({ path: 'b', in: values })
    expect(copy).toEqual({ and: [{ path: 'a', in: [1] }] })
  })

  it('survives storage as JSON: negative zero becomes zero', () => {
    expect(validateFilter({ path: 'a', equals: -0 })).toStrictEqual({ path: 'a', equals: 0 })
  })

  it.each([
    [null, '', 'must be an object'],
    ['a = 1', '', 'must be an object'],
    [[condition], '', 'must be an object'],
    [{}, '', 'must hold'],
    [{ path: 'a' }, '', 'must hold'],
    [{ path: 'a', matches: '^x' }, '', '"matches" is not an operator'],
    [{ path: 'a', $gt: 1 }, '', '"$gt" is not an operator'],
    [{ path: 'a', equals: 1, extra: 2 }, '', '"extra" is not an operator'],
    [{ path: 'a', atLeast: 1, atMost: 5 }, '', 'both "atLeast" and "atMost"'],
    [{ and: [condition], or: [condition] }, '', '"and" must stand alone'],
    [{ not: condition, path: 'a' }, '', '"not" must stand alone'],
    [{ equals: 1 }, 'path', 'must be a text'],
    [{ path: ['a'], equals: 1 }, 'path', 'must be a text'],
    [{ path: '', equals: 1 }, 'path', 'keys joined by dots'],
    [{ path: 'a..b', equals: 1 }, 'path', 'keys joined by dots'],
    [{ path: '.a', equals: 1 }, 'path', 'keys joined by dots'],
    [{ path: 'a', equals: undefined }, 'equals', 'must be a text, a finite number'],
    [{ path: 'a', equals: { $ne: 1 } }, 'equals', 'must be a text, a finite number'],
    [{ path: 'a', equals: Number.NaN }, 'equals', 'must be a text, a finite number'],
    [{ path: 'a', atLeast: Number.POSITIVE_INFINITY }, 'atLeast', 'finite number'],
    [{ path: 'a', lessThan: true }, 'lessThan', 'must be a number or a text'],
    [{ path: 'a', greaterThan: null }, 'greaterThan', 'must be a number or a text'],
    [{ path: 'a', in: 'abc' }, 'in', 'must be a list of values'],
    [{ path: 'a', in: [] }, 'in', 'must not be empty'],
    [{ path: 'a', in: [1, [2]] }, 'in.1', 'must be a text, a finite number'],
    [{ path: 'a', exists: 'yes' }, 'exists', 'must be true or false'],
    [{ path: 'a', prefix: '' }, 'prefix', 'must not be empty'],
    [{ path: 'a', prefix: 1 }, 'prefix', 'must be a text'],
    [{ and: condition }, 'and', 'must be a list of filters'],
    [{ and: [] }, 'and', 'must not be empty'],
    [{ or: [] }, 'or', 'must not be empty'],
    [{ or: [condition, { not: { path: 'a' } }] }, 'or.1.not', 'must hold'],
  ])('refuses %j', (filter, place, message) => {
    const { issues } = refusal(filter)
    expect(issues).toHaveLength(1)
    expect(issues[0]?.path.join('.')).toBe(place)
    expect(issues[0]?.message).toContain(message)
  })

  it.each([10n, Symbol('s'), () => 1, new Date(), /a/])(
    'refuses a value that is no JSON',
    (value) => {
      expect(refusal({ path: 'a', equals: value }).issues[0]?.path).toEqual(['equals'])
      expect(refusal({ path: 'a', in: [value] }).issues[0]?.path).toEqual(['in', 0])
      expect(refusal(value).issues).toHaveLength(1)
    },
  )

  it('reports every finding, and says the way out', () => {
    const error = refusal({
      and: [
        { path: '', equals: [] },
        { path: 'a', in: [{}] },
      ],
    })
    expect(error.issues.map(({ path }) => path)).toEqual([
      ['and', 0, 'path'],
      ['and', 0, 'equals'],
      ['and', 1, 'in', 0],
    ])
    expect(error.message).toContain('and[0].path: must be keys joined by dots')
    expect(error.message).toContain('"equals": "application/pdf"')
  })
})

describe('limits', () => {
  it('lets a filter of full depth pass, and none that is deeper', () => {
    expect(validateFilter(nested(filterLimits.depth))).toEqual(nested(filterLimits.depth))
    expect(refusal(nested(filterLimits.depth + 1)).issues[0]?.message).toContain('nested deeper')
  })

  it('counts conditions, combinations and listed values together', () => {
    const list = (length: number) => ({ path: 'a', in: Array.from({ length }, (_, i) => i) })
    const full = { and: [list(100), list(filterLimits.terms - 103)] }
    expect(validateFilter(full)).toEqual(full)
    const over = { and: [list(100), list(filterLimits.terms - 102)] }
    expect(refusal(over).issues.map(({ message }) => message)).toEqual([
      `more than ${filterLimits.terms} conditions and values in one filter`,
    ])
  })

  it('bounds paths and texts', () => {
    const path = 'a'.repeat(filterLimits.pathLength)
    const words = 'a'.repeat(filterLimits.textLength)
    expect(validateFilter({ path, prefix: words })).toEqual({ path, prefix: words })
    expect(refusal({ path: `${path}a`, exists: true }).issues[0]?.path).toEqual(['path'])
    for (const operator of ['equals', 'notEquals', 'atLeast', 'prefix']) {
      const { issues } = refusal({ path: 'a', [operator]: `${words}a` })
      expect(issues).toEqual([{ path: [operator], message: 'longer than 1024 characters' }])
    }
    expect(refusal({ path: 'a', in: [`${words}a`] }).issues[0]?.path).toEqual(['in', 0])
  })
})

describe('hostile filters', () => {
  it('end at the limits, however deep, wide, circular or long they are', () => {
    const circular: Record<string, unknown> = {}
    circular.not = circular
    const circularList: unknown[] = []
    circularList.push({ and: circularList })
    const wide = { or: Array.from({ length: 1_000_000 }, () => ({})) }
    const branching = (depth: number): unknown =>
      depth === 0 ? condition : { and: Array(10).fill(branching(depth - 1)) }
    for (const filter of [
      circular,
      { or: circularList },
      nested(100_000),
      wide,
      { path: 'a', in: Array(1_000_000).fill({}) },
      { path: 'a', in: new Array(4_000_000_000) },
      { and: new Array(4_000_000_000) },
      branching(9),
      { ['k'.repeat(1_000_000)]: 1 },
      { path: '.'.repeat(1_000_000), equals: 1 },
      { path: 'a', equals: 'x'.repeat(10_000_000) },
    ]) {
      const error = refusal(filter)
      expect(error.issues.length).toBeLessThanOrEqual(filterLimits.terms + 1)
      expect(error.message.length).toBeLessThan(1500)
    }
  })

  it('do not slip in a prototype', () => {
    for (const text of [
      '{"__proto__": {"path": "a", "equals": 1}}',
      '{"path": "a", "equals": 1, "__proto__": {"admin": true}}',
      '{"path": "a", "constructor": 1}',
      '{"path": "a", "toString": "x"}',
    ]) {
      refusal(JSON.parse(text))
    }
    refusal(Object.create(condition))
    refusal({ __proto__: { path: 'a' }, equals: 1 })
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  it('are refused with a WebhooksError or come back as an equal copy, whatever they are', () => {
    let passed = 0
    const key = fc.constantFrom('and', 'or', 'not', 'path', 'equals', 'in', 'exists', 'prefix', 'x')
    const { junk } = fc.letrec((tie) => ({
      junk: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        fc.constantFrom<unknown[]>(null, 1, '', 'a.b', true),
        fc.dictionary(key, tie('junk'), { maxKeys: 2 }),
        fc.array(tie('junk'), { maxLength: 3 }),
        fc.record({ path: fc.constant('a'), equals: tie('junk') }),
        fc.record({ not: tie('junk') }),
      ),
    }))
    fc.assert(
      fc.property(fc.oneof(junk, fc.anything()), (value) => {
        try {
          expect(validateFilter(value)).toEqual(value)
          passed += 1
        } catch (error) {
          if (!isWebhooksError(error, 'invalid_filter')) throw error
          expect(error.issues.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 3000 },
    )
    expect(passed).toBeGreaterThan(50)
  })
})
