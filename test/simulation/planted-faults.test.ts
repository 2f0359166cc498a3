import { describe, expect, test } from 'vitest'
import { simulate } from '../../src/testing/index.ts'
import { plantedFaults } from './planted-faults.ts'

/** A fault that hides for longer than this would slip through the tests of a change. */
const mostSeeds = 200

describe('the simulation finds', () => {
  test.each(plantedFaults)('$name', async ({ breaks, createInstance }) => {
    for (let seed = 1; seed <= mostSeeds; seed += 1) {
      const { violations } = await simulate({ seed, createInstance })
      if (violations.some(({ promise }) => promise === breaks)) return
    }
    expect.fail(`no broken promise "${breaks}" in ${mostSeeds} seeds`)
  })
})
