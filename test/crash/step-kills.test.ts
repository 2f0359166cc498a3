import { beforeAll, describe, expect, test } from 'vitest'
import { keepReport } from './report.ts'
import { runStepKills, type StepReport } from './step-kills.ts'
import { mistakes, nameOf, statementSteps, steps } from './steps.ts'
import { crashStoreNames } from './stores/index.ts'

const all = [...steps, ...statementSteps]

describe.each(crashStoreNames)('on %s', (store) => {
  let reports = new Map<string, StepReport>()

  beforeAll(async () => {
    // Once is enough to show that a mistake is found. What it loses is waited for the longest, so
    // it comes first, and the others run meanwhile.
    const planted = store === 'sqlite' ? mistakes : []
    const run = { store, seed: 7, deaths: 1, atOnce: 3, steps: [...planted, ...all] }
    const found = await runStepKills(run)
    keepReport(`${store}-steps-short`, found)
    reports = new Map(found.map((report) => [report.step, report]))
  }, 120_000)

  describe('a process that dies at a step loses nothing and invents nothing:', () => {
    test.each(all.map(nameOf))('%s', (step) => {
      expect(reports.get(step)).toMatchObject({ deaths: 1, breaches: [], accidents: [] })
    })
  })

  describe.runIf(store === 'sqlite')('a mistake is found:', () => {
    test.each(mistakes)('$mutant', ({ breaks, ...step }) => {
      const promises = reports.get(nameOf(step))?.breaches.map(({ promise }) => promise)
      expect(promises).toContain(breaks)
    })
  })
})
