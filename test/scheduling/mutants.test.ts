import { describe, expect, test } from 'vitest'
import {
  type SchedulerSuiteOptions,
  type SchedulerWishes,
  testScheduler,
} from '../../src/testing/index.ts'
import { inProcessMutants, naive } from './mutants/in-process.ts'

interface Case {
  part: string
  name: string
  body: () => Promise<void>
}

type Subject = Pick<SchedulerSuiteOptions, 'createScheduler' | 'capabilities'>

/** The cases of the suite, by a runner that collects them. */
function collect(subject: Subject): Case[] {
  const cases: Case[] = []
  let part = ''
  testScheduler({
    describe(name, body) {
      part = name
      body()
    },
    test: (name, body) => cases.push({ part, name, body }),
    onReport() {},
    ...subject,
  })
  return cases
}

async function failures(cases: Case[]): Promise<string[]> {
  const failed: string[] = []
  for (const { name, body } of cases) await body().catch(() => failed.push(name))
  return failed
}

function inProcess(create: (wishes: SchedulerWishes) => ReturnType<typeof naive>): Subject {
  return {
    createScheduler: (wishes) => ({ scheduler: create(wishes), close() {} }),
    capabilities: { virtualClock: true },
  }
}

describe('the scheduler suite', () => {
  test('finds nothing wrong with a simple scheduler', async () => {
    const cases = collect(inProcess(naive))
    expect(cases.length).toBeGreaterThan(20)
    expect(await failures(cases)).toEqual([])
  })

  test.for(inProcessMutants)('notices one that $name', async ({ caughtBy, create }) => {
    const cases = collect(inProcess(create)).filter(({ part }) => part === caughtBy)
    expect(cases.length, `the suite has no part “${caughtBy}”`).toBeGreaterThan(0)
    expect(await failures(cases)).not.toEqual([])
  })
})
