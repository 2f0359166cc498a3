import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { testStorage } from '../../src/testing/storage-suite/index.ts'
import { claimMutants } from './mutants/claims.ts'
import { eventMutants } from './mutants/events.ts'
import { createMutant, type Mutant } from './mutants/mutant.ts'
import { recordMutants } from './mutants/records.ts'
import { settlingMutants } from './mutants/settling.ts'

const mutants: Mutant[] = [...eventMutants, ...claimMutants, ...settlingMutants, ...recordMutants]
const modelPart = 'random operations, beside a reference model'

/** Parts in which the model alone has to notice whatever is wrong, too. */
const modelled = new Set([
  'fan-out',
  'a lease',
  'the cap per endpoint',
  'a paused endpoint',
  'a rate limit',
  'settling',
  're-queueing',
  'cancelling',
  'endpoint health',
])

interface Case {
  part: string
  name: string
  body: () => Promise<void>
}

/** The cases of the suite over a storage, by a runner that collects them. */
function collect(createStorage: () => Storage): Case[] {
  const cases: Case[] = []
  let part = ''
  testStorage({
    describe(name, body) {
      part = name
      body()
    },
    test: (name, body) => cases.push({ part, name, body }),
    createStorage: () => ({ storage: createStorage(), close() {} }),
    batchSize: 2_000,
    randomRuns: 40,
  })
  return cases
}

/** Names of the cases that fail, up to the first where one is enough. */
async function failures(cases: Case[], { first }: { first: boolean }): Promise<string[]> {
  const failed: string[] = []
  for (const { name, body } of cases) {
    if (first && failed.length > 0) break
    try {
      await body()
    } catch {
      failed.push(name)
    }
  }
  return failed
}

describe('the storage suite', () => {
  test('finds nothing wrong with a true storage', async () => {
    const cases = collect(memoryStorage)
    expect(cases.length).toBeGreaterThan(200)
    expect(await failures(cases, { first: false })).toEqual([])
  })

  test.for(mutants)('notices that $name', async (mutant) => {
    const cases = collect(() => createMutant(mutant)).filter(({ part }) => part === mutant.caughtBy)
    expect(cases.length, `the suite has no part “${mutant.caughtBy}”`).toBeGreaterThan(0)
    expect(await failures(cases, { first: true })).toHaveLength(1)
  })

  test.for(mutants.filter(({ caughtBy }) => modelled.has(caughtBy)))(
    'notices by the reference model alone that $name',
    async (mutant) => {
      const cases = collect(() => createMutant(mutant)).filter(({ part }) => part === modelPart)
      expect(await failures(cases, { first: true })).toHaveLength(1)
    },
  )
})
