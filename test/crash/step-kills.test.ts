import { beforeAll, describe, expect, test } from 'vitest'
import { keepReport } from './report.ts'
import { runStepKills, type StepReport } from './step-kills.ts'
import { mistakes, nameOf, statementSteps, steps } from './steps.ts'
import { type CrashStoreName, crashStores } from './stores.ts'

const all = [...steps, ...statementSteps]

describe.each(Object.keys(crashStores) as CrashStoreName[])('on %s', (store) => {
  let reports = new Map<string, StepReport>()

  beforeAll(async () => {
    // Mistakes first: what they lose is waited for while the others run.
    const run = { store, seed: 7, deaths: 2, atOnce: 3, steps: [...mistakes, ...all] }
    const found = await runStepKills(run)
    keepReport(`${store}-steps-short`, found)
    reports = new Map(found.map((report) => [report.step, report]))
  }, 120_000)

  describe('processes that die at a step lose nothing and invent nothing:', () => {
    test.each(all.map(nameOf))('%s', (step) => {
      expect(reports.get(step)).toMatchObject({ deaths: 2, breaches: [], accidents: [] })
    })
  })

  describe('a mistake is found:', () => {
    test.each(mistakes)('$mutant', ({ breaks, ...step }) => {
      const promises = reports.get(nameOf(step))?.breaches.map(({ promise }) => promise)
      expect(promises).toContain(breaks)
    })
  })
})
