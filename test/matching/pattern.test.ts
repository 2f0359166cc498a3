import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesPattern, validatePattern } from '../../src/core/matching/pattern.ts'
import { isWebhooksError } from '../../src/errors.ts'

/** Few letters, so that names and patterns meet often. */
const group = fc.stringMatching(/^[ab_]{1,2}$/)
const name = fc.array(group, { minLength: 1, maxLength: 4 }).map((groups) => groups.join('.'))
const pattern = fc.oneof(
  fc.constant('*'),
  name,
  name.map((prefix) => `${prefix}.*`),
)

/** The rule word by word, group by group, without a thought for speed. */
function oracle(pattern: string, name: string): boolean {
  if (pattern === '*') return true
  const wanted = pattern.split('.')
  const given = name.split('.')
  if (wanted.at(-1) !== '*') return wanted.join() === given.join()
  const prefix = wanted.slice(0, -1)
  return given.length > prefix.length && prefix.every((group, index) => group === given[index])
}

describe('matchesPattern', () => {
  it.each([
    ['document.processed', 'document.processed', true],
    ['document.processed', 'document.processed.twice', false],
    ['document.processed', 'document.process', false],
    ['document.*', 'document.processed', true],
    ['document.*', 'document.page.added', true],
    ['document.*', 'document', false],
    ['document.*', 'document.', false],
    ['document.*', 'documents.processed', false],
    ['chat.conversation.*', 'chat.conversation.started', true],
    ['chat.conversation.*', 'chat.message', false],
    ['chat.*', 'chat.conversation.started', true],
    ['*', 'document.processed', true],
    ['*', 'webhook.test', true],
    ['Document.*', 'document.processed', false],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected)
  })

  it('agrees with the rule read group by group', () => {
    let matches = 0
    fc.assert(
      fc.property(pattern, name, (pattern, name) => {
        const matched = matchesPattern(pattern, name)
        expect(matched).toBe(oracle(pattern, name))
        if (matched) matches += 1
      }),
      { numRuns: 2000 },
    )
    expect(matches).toBeGreaterThan(100)
  })

  it('covers every name below a name, and not the name itself', () => {
    fc.assert(
      fc.property(name, name, (above, below) => {
        expect(matchesPattern(`${above}.*`, `${above}.${below}`)).toBe(true)
        expect(matchesPattern(`${above}.*`, above)).toBe(false)
      }),
    )
  })

  it('takes no meaning from anything else that looks like a pattern', () => {
    for (const pattern of ['*.processed', 'doc*', 'document.*.failed', '**', 'document.?', '.*']) {
      expect(matchesPattern(pattern, 'document.processed')).toBe(false)
    }
  })

  // A matcher that backtracks needs longer than the universe for these.
  it('ends at once on a million characters', () => {
    const long = 'a'.repeat(1_000_000)
    expect(matchesPattern(`${'*a'.repeat(500_000)}*b`, long)).toBe(false)
    expect(matchesPattern(`${'*.'.repeat(500_000)}*`, long)).toBe(false)
    expect(matchesPattern(`${long}.*`, `${long}.b`)).toBe(true)
    expect(matchesPattern(`${long}.*`, `${long}b.b`)).toBe(false)
  })
})

describe('validatePattern', () => {
  it('lets names, names below a name, and everything pass unchanged', () => {
    fc.assert(
      fc.property(pattern, (pattern) => {
        expect(validatePattern(pattern)).toBe(pattern)
      }),
    )
  })

  it.each([
    [
      'stars elsewhere',
      ['*.created', 'document.*.failed', 'doc*', 'document*', '**', '*.*', 'a.**'],
    ],
    [
      'broken names',
      ['', '.', '.*', 'document.', '.processed', 'a..b', 'a..*', 'a b', 'a-b', 'ä.b'],
    ],
    ['other texts', [' *', '* ', 'document.*\n', 'document.processed\n', 'a/b', 'a\u0000b']],
    ['other values', [null, undefined, 1, {}, [], ['document.*'], /a/]],
    [
      'excess',
      ['a'.repeat(129), `${'a'.repeat(129)}.*`, 'a'.repeat(1_000_000), '*'.repeat(1_000_000)],
    ],
  ])('refuses %s', (_, patterns) => {
    for (const pattern of patterns) {
      const error = thrownBy(() => validatePattern(pattern))
      expect(isWebhooksError(error, 'invalid_pattern'), String(pattern).slice(0, 40)).toBe(true)
      expect((error as Error).message).toContain('"*"')
      expect((error as Error).message.length).toBeLessThan(500)
    }
  })

  it('takes names up to their full length', () => {
    expect(validatePattern(`${'a'.repeat(128)}.*`)).toHaveLength(130)
  })

  it('says what a star in the wrong place should be instead', () => {
    const error = thrownBy(() => validatePattern('*.created'))
    expect((error as Error).message).toMatch(/"\*\.created" has a star in a place.*List the exact/)
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
