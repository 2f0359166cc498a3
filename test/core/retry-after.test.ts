import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRetryAfter } from '../../src/core/health/retry-after.ts'

const now = new Date('2026-03-01T12:00:00Z')
const maxMs = 24 * 3_600_000
const parse = (value: string | undefined) => parseRetryAfter(value, { now, maxMs })

describe('Retry-After', () => {
  test('takes seconds', () => {
    expect(parse('0')).toBe(0)
    expect(parse('120')).toBe(120_000)
    expect(parse(' 7 ')).toBe(7_000)
  })

  test('takes the three forms of an HTTP date', () => {
    expect(parse('Sun, 01 Mar 2026 12:01:00 GMT')).toBe(60_000)
    expect(parse('Sunday, 01-Mar-26 12:01:00 GMT')).toBe(60_000)
    expect(parse('Sun Mar  1 12:01:00 2026')).toBe(60_000)
  })

  test('takes a date in the past as no wait', () => {
    expect(parse('Sat, 28 Feb 2026 12:00:00 GMT')).toBe(0)
  })

  test('bounds what a receiver can ask for', () => {
    expect(parse('99999999999999999999')).toBe(maxMs)
    expect(parse('Fri, 01 Jan 2100 00:00:00 GMT')).toBe(maxMs)
  })

  test('takes the longest of several', () => {
    expect(parse('5, 10')).toBe(10_000)
    expect(parse('120,7')).toBe(120_000)
    expect(parse('Sun, 01 Mar 2026 12:01:00 GMT, 5')).toBe(60_000)
    expect(parse('5, Sunday, 01-Mar-26 12:01:00 GMT, Sun Mar  1 12:02:00 2026')).toBe(120_000)
  })

  test('reads none that is longer than anybody needs', () => {
    expect(parse('0'.repeat(256))).toBe(0)
    expect(parse('0'.repeat(257))).toBeNull()
  })

  test.each(['5, soon', '5,', ', 5', 'sesame, 5'])('takes %j for no header', (value) => {
    expect(parse(value)).toBeNull()
  })

  test.each([undefined, '', '-5', '1.5', '+3', '1e3', 'soon', '2026-03-01', '0x10', 'NaN'])(
    'takes %j for no header',
    (value) => {
      expect(parse(value)).toBeNull()
    },
  )

  test('reads every whole number of seconds as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
        expect(parse(String(seconds))).toBe(seconds * 1000)
      }),
    )
  })

  test('reads every date that JavaScript writes as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
        const date = new Date(now.getTime() + seconds * 1000)
        expect(parse(date.toUTCString())).toBe(seconds * 1000)
      }),
    )
  })
})
