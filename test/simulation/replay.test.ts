import { describe, expect, test } from 'vitest'
import { simulate, type Violation } from '../../src/testing/index.ts'
import { plantedFaults } from './planted-faults.ts'

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

describe('a seed', () => {
  test('gives the same run again, step by step, told or not', async () => {
    for (const seed of seeds) {
      const silent = await simulate({ seed })
      const first = await simulate({ seed, story: true })
      const second = await simulate({ seed, story: true })
      expect(second).toEqual(first)
      expect(first.figures).toEqual(silent.figures)
    }
  })

  test('gives a run of its own', async () => {
    const stories = await Promise.all(seeds.map((seed) => simulate({ seed, story: true })))
    expect(new Set(stories.map(({ story }) => story.join())).size).toBe(seeds.length)
  })

  test('that breaks a promise breaks it again, and its story ends there', async () => {
    const fault = plantedFaults.find(({ breaks }) => breaks === 'nothing from nowhere')
    const createInstance = fault?.createInstance
    let options = { seed: 0, createInstance }
    let violations: Violation[] = []
    while (violations.length === 0 && options.seed < 200) {
      options = { ...options, seed: options.seed + 1 }
      violations = (await simulate(options)).violations
    }
    const told = await simulate({ ...options, story: true })
    expect(told.violations).toEqual(violations)
    expect(violations).toMatchObject([{ promise: 'nothing from nowhere' }])
    expect(told.story.at(-1)).toMatch(
      /^0d \d\d:\d\d:\d\d\.\d{3} {2}BROKEN {3}nothing from nowhere: /,
    )
    expect(told.story.at(-1)).toMatch(/ep#\d+/)
  })

  test('knows everything that can go wrong, in some run or other', async () => {
    const told = await Promise.all(
      Array.from({ length: 100 }, (_, seed) => simulate({ seed, story: true })),
    )
    const text = told.flatMap(({ story }) => story).join('\n')
    const happenings = [
      /CRASHES before claimDeliveries/,
      /CRASHES after settleDeliveries/,
      /CRASHES before it sends/,
      /CRASHES after it sent/,
      /CRASHES out of the blue/,
      /settleDeliveries FAILS before/,
      /settleDeliveries FAILS after/,
      /open FAILS/,
      /its clock jumps/,
      /has stopped/,
      /drained: true/,
      /hears timeout/,
      /hears connection_refused/,
      /hears connection_reset/,
      /hears dns_failed/,
      /hears 410/,
      /hears 429, Retry-After: "[^"]* GMT"/,
      /rotates the secret/,
      /trespasses/,
      /recovers what is missing/,
      /under key-\d/,
    ]
    for (const happening of happenings) expect(text).toMatch(happening)
  }, 60_000)
})
