import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Occurrence, Subscription } from '../../src/core/matching/matching.ts'
import { matchSubscription } from '../../src/core/matching/matching.ts'

const everything: Subscription = { active: true, events: ['*'], channels: [], filter: null }

function occurrence(parts: Partial<Omit<Occurrence, 'data'>> = {}, data: unknown = {}): Occurrence {
  return { type: 'document.processed', channels: [], data: () => data, ...parts }
}

/** Data that must not be looked at. */
const untouchable = () => {
  throw new Error('the data was parsed')
}

describe('matchSubscription', () => {
  it('names the pattern that let an event through', () => {
    const subscription = { ...everything, events: ['chat.*', 'document.*', '*'] }
    expect(matchSubscription(subscription, occurrence())).toEqual({
      receives: true,
      rule: 'pattern document.*',
    })
  })

  it('names every rule that an event had to pass', () => {
    const subscription: Subscription = {
      active: true,
      events: ['document.processed'],
      channels: ['us', 'eu'],
      filter: { path: 'pages', greaterThan: 10 },
    }
    expect(
      matchSubscription(subscription, occurrence({ channels: ['beta', 'eu'] }, { pages: 12 })),
    ).toEqual({ receives: true, rule: 'pattern document.processed, channel eu, filter matches' })
  })

  it.each<[string, Partial<Subscription>]>([
    ['inactive', { active: false }],
    ['no pattern matches', { events: ['chat.*', 'document.failed'] }],
    ['no pattern matches', { events: [] }],
    ['no channel in common', { channels: ['us'] }],
    ['filter does not match', { filter: { path: 'pages', greaterThan: 12 } }],
    ['filter does not match', { filter: { not: { path: 'missing', equals: 1 } } }],
  ])('says why an event is held back: %s', (rule, parts) => {
    const decision = matchSubscription(
      { ...everything, ...parts },
      occurrence({ channels: ['eu'] }, { pages: 12 }),
    )
    expect(decision).toEqual({ receives: false, rule })
  })

  it('asks the rules in order and says the first that holds back', () => {
    const closed: Subscription = {
      active: false,
      events: [],
      channels: ['us'],
      filter: { path: 'a', equals: 1 },
    }
    const rules = [closed, { ...closed, active: true }, { ...closed, active: true, events: ['*'] }]
    expect(rules.map((one) => matchSubscription(one, occurrence()).rule)).toEqual([
      'inactive',
      'no pattern matches',
      'no channel in common',
    ])
  })
})

describe('channels', () => {
  it.each<[string[], string[], boolean]>([
    // the endpoint's, the event's
    [[], [], true],
    [[], ['eu'], true],
    [['eu'], [], false],
    [['eu'], ['eu'], true],
    [['eu', 'us'], ['asia', 'us'], true],
    [['eu'], ['us'], false],
    [['eu'], ['EU', 'eu ', 'e'], false],
  ])('endpoint %j, event %j: %s', (wanted, emitted, receives) => {
    const subscription = { ...everything, channels: wanted }
    expect(matchSubscription(subscription, occurrence({ channels: emitted })).receives).toBe(
      receives,
    )
  })

  it('overlap exactly where some channel is on both sides', () => {
    const channels = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'constructor'))
    fc.assert(
      fc.property(channels, channels, (wanted, emitted) => {
        const expected = wanted.length === 0 || wanted.some((one) => emitted.includes(one))
        const subscription = { ...everything, channels: wanted }
        const decision = matchSubscription(subscription, occurrence({ channels: emitted }))
        expect(decision.receives).toBe(expected)
      }),
    )
  })
})

describe('the cost of a decision', () => {
  it('does not include reading the data unless a filter has to look at it', () => {
    const filter = { path: 'a', equals: 1 } as const
    const sparing: Subscription[] = [
      everything,
      { ...everything, channels: ['eu'] },
      { ...everything, filter, active: false },
      { ...everything, filter, events: ['chat.*'] },
      { ...everything, filter, channels: ['us'] },
    ]
    for (const subscription of sparing) {
      const event = { type: 'document.processed', channels: ['eu'], data: untouchable }
      expect(() => matchSubscription(subscription, event)).not.toThrow()
    }
    const event = { type: 'document.processed', channels: [], data: untouchable }
    expect(() => matchSubscription({ ...everything, filter }, event)).toThrow('was parsed')
  })

  it('asks for the data once, however large the filter', () => {
    let calls = 0
    const data = () => {
      calls += 1
      return { a: 1 }
    }
    const filter = { and: Array.from({ length: 50 }, () => ({ path: 'a', equals: 1 })) }
    const event = { type: 'document.processed', channels: [], data }
    expect(matchSubscription({ ...everything, filter }, event).receives).toBe(true)
    expect(calls).toBe(1)
  })

  it('looks at each pattern and channel once', () => {
    let reads = 0
    const counted = <Value>(values: Value[]): Value[] =>
      new Proxy(values, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1
          return Reflect.get(target, key)
        },
      })
    const many = (prefix: string) => Array.from({ length: 1000 }, (_, i) => `${prefix}${i}`)
    const subscription = {
      ...everything,
      events: counted([...many('chat.'), '*']),
      channels: counted(many('wanted')),
    }
    const event = occurrence({ channels: counted(many('emitted')) })
    expect(matchSubscription(subscription, event).rule).toBe('no channel in common')
    expect(reads).toBeLessThanOrEqual(3001)
  })
})
