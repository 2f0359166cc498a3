import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  defaultRetryPolicy,
  delayAfterFault,
  delayBefore,
  resolveRetryPolicy,
} from '../../src/core/health/retry-policy.ts'
import { isWebhooksError } from '../../src/index.ts'

const random = (value: number) => ({ next: () => value, bytes: () => new Uint8Array() })

describe('retry policy', () => {
  test('has ten attempts by default, the last three days and more after the first', () => {
    expect(defaultRetryPolicy.delaysMs).toHaveLength(10)
    const total = defaultRetryPolicy.delaysMs.reduce((sum, delay) => sum + delay, 0)
    expect(total).toBeGreaterThan(3 * 24 * 3_600_000)
  })

  test('ends with its list', () => {
    const policy = { delaysMs: [0, 1_000], jitter: 0 }
    expect(delayBefore(policy, 0, { random: random(0) })).toBe(0)
    expect(delayBefore(policy, 1, { random: random(0) })).toBe(1_000)
    expect(delayBefore(policy, 2, { random: random(0) })).toBeNull()
  })

  test('never waits less than its delay or than the receiver asked for, nor more than the jitter adds', () => {
    const delays = fc.array(fc.integer({ min: 0, max: 10 ** 9 }), { minLength: 1, maxLength: 20 })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        delays,
        share,
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        fc.nat(10 ** 9),
        (delaysMs, jitter, drawn, atLeastMs) => {
          delaysMs.forEach((delay, step) => {
            const waited =
              delayBefore({ delaysMs, jitter }, step, { random: random(drawn), atLeastMs }) ?? -1
            const floor = Math.max(delay, atLeastMs)
            expect(waited).toBeGreaterThanOrEqual(floor)
            expect(waited).toBeLessThanOrEqual(Math.ceil(floor * (1 + jitter)))
          })
        },
      ),
    )
  })

  test.each([
    { delaysMs: [] },
    { delaysMs: [-1] },
    { delaysMs: [Number.NaN] },
    { delaysMs: [Number.POSITIVE_INFINITY] },
    { delaysMs: new Array(101).fill(1) },
    { jitter: -0.1 },
    { jitter: 1.1 },
    { jitter: Number.NaN },
  ])('refuses %j', (policy) => {
    expect(() => resolveRetryPolicy(policy)).toThrow(
      expect.toSatisfy((error) => isWebhooksError(error, 'invalid_option')),
    )
  })

  test('backs off from faults of our own, up to ten minutes', () => {
    const waits = Array.from({ length: 12 }, (_, index) => delayAfterFault(index + 1, random(0)))
    expect(waits.slice(0, 3)).toEqual([5_000, 10_000, 20_000])
    expect(waits.at(-1)).toBe(600_000)
  })
})
