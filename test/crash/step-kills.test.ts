import { beforeAll, describe, expect, test } from 'vitest'
import { keepReport } from './report.ts'
import { runStepKills, type StepReport } from './step-kills.ts'
import { mistakes, nameOf, statementSteps, steps } from './steps.ts'
import { type CrashStoreName, crashStoreNames } from './stores/index.ts'

const all = [...steps, ...statementSteps]
const reports = new Map<string, StepReport>()

async function run(store: CrashStoreName): Promise<void> {
  // Once is enough to show that a mistake is found. What it loses is waited for the longest, so it
  // comes first, and the others run meanwhile.
  const planted = store === 'sqlite' ? mistakes : []
  const common = { store, seed: 7, deaths: 1, atOnce: 2 }
  const found = await runStepKills({ ...common, steps: [...planted, ...all] })
  keepReport(`${store}-steps-short`, found)
  for (const report of found) reports.set(`${store} ${report.step}`, report)
}

beforeAll(async () => {
  await Promise.all(crashStoreNames.map(run))
}, 180_000)

describe.each(crashStoreNames)(
  'on %s a process that dies at a step loses nothing and invents nothing:',
  (store) => {
    test.each(all.map(nameOf))('%s', (step) => {
      const report = reports.get(`${store} ${step}`)
      expect(report).toMatchObject({ deaths: 1, breaches: [], accidents: [] })
    })
  },
)

describe('a mistake is found:', () => {
  test.each(mistakes)('$mutant', ({ breaks, ...step }) => {
    const promises = reports.get(`sqlite ${nameOf(step)}`)?.breaches.map(({ promise }) => promise)
    expect(promises).toContain(breaks)
  })
})
