import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/ports.ts'
import type { Scheduler, SchedulerHost } from '../../src/scheduling/scheduler.ts'
import {
  type SchedulerSuiteOptions,
  type SchedulerWishes,
  testScheduler,
} from '../../src/testing/index.ts'
import { MemoryBroker, MemoryQueue } from './memory-broker.ts'
import { inProcessMutants, naive } from './mutants/in-process.ts'
import { type BrokerMutant, brokerMutants, overBroker } from './mutants/over-a-broker.ts'

interface Case {
  part: string
  name: string
  body: () => Promise<void>
}

type Subject = Pick<SchedulerSuiteOptions, 'createScheduler' | 'capabilities' | 'latenessMs'>

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

function overMemory(create: BrokerMutant['create']): Subject {
  return {
    createScheduler({ longestSleepMs }) {
      let clock: Clock | undefined
      const queue = new MemoryQueue(() => clock ?? expect.unreachable('nobody was attached'))
      const another = () => {
        const scheduler = create(new MemoryBroker(queue), longestSleepMs)
        return {
          ...bound(scheduler),
          attach(host: SchedulerHost) {
            clock = host.clock
            scheduler.attach?.(host)
          },
        }
      }
      return {
        scheduler: another(),
        another,
        forget: async () => queue.forget(),
        cut: async () => queue.cut(),
        mend: async () => queue.mend(),
        close() {},
      }
    },
    capabilities: { virtualClock: true, shared: true, broker: true },
    // Hints are gathered, and instants rounded.
    latenessMs: 100,
  }
}

function bound(scheduler: Scheduler): Scheduler {
  return {
    start: (work) => scheduler.start(work),
    notify: (dueAt, reach) => scheduler.notify(dueAt, reach),
    stop: () => scheduler.stop(),
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

  test('finds nothing wrong with the scheduler over a broker', async () => {
    const cases = collect(overMemory(overBroker))
    expect(await failures(cases)).toEqual([])
  })

  test.for(brokerMutants)('notices one that $name', async ({ caughtBy, create }) => {
    const cases = collect(overMemory(create)).filter(({ part }) => part === caughtBy)
    expect(await failures(cases)).not.toEqual([])
  })
})
