import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { type StorageFixture, testStorage } from '../../src/testing/storage-suite/index.ts'
import { claimMutants } from './mutants/claims.ts'
import { eventMutants } from './mutants/events.ts'
import { createMutant, type Mutant } from './mutants/mutant.ts'
import { recordMutants } from './mutants/records.ts'
import { settlingMutants } from './mutants/settling.ts'
import { createStoredFixture, storedMutants } from './mutants/stored.ts'

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
function collect(createStorage: () => StorageFixture, readRaw = false): Case[] {
  const cases: Case[] = []
  let part = ''
  testStorage({
    describe(name, body) {
      part = name
      body()
    },
    test: (name, body) => cases.push({ part, name, body }),
    createStorage,
    capabilities: { readRaw },
    onReport: () => {},
    batchSize: 2_000,
    randomRuns: 80,
  })
  return cases
}

function over(createStorage: () => Storage): () => StorageFixture {
  return () => ({ storage: createStorage(), close() {} })
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
    const cases = collect(over(memoryStorage))
    expect(cases.length).toBeGreaterThan(200)
    expect(await failures(cases, { first: false })).toEqual([])
  })

  test.for(mutants)('notices that $name', async (mutant) => {
    const all = collect(over(() => createMutant(mutant)))
    const cases = all.filter(({ part }) => part === mutant.caughtBy)
    expect(cases.length, `the suite has no part “${mutant.caughtBy}”`).toBeGreaterThan(0)
    expect(await failures(cases, { first: true })).toHaveLength(1)
  })

  test.for(mutants.filter(({ caughtBy }) => modelled.has(caughtBy)))(
    'notices by the reference model alone that $name',
    async (mutant) => {
      const all = collect(over(() => createMutant(mutant)))
      const cases = all.filter(({ part }) => part === modelPart)
      expect(await failures(cases, { first: true })).toHaveLength(1)
    },
  )

  test('finds nothing wrong with a store that is read raw', async () => {
    const cases = collect(() => createStoredFixture({ name: '', stores: (rows) => rows }), true)
    const stored = cases.filter(({ part }) => part === 'what is stored')
    expect(stored.length).toBeGreaterThan(10)
    expect(await failures(stored, { first: false })).toEqual([])
  })

  // They answer as the true storage does, so that the rest of the suite finds nothing, as above.
  test.for(storedMutants)('notices by the raw reader alone that one $name', async (mutant) => {
    const cases = collect(() => createStoredFixture(mutant), true)
    const stored = cases.filter(({ part }) => part === 'what is stored')
    expect(await failures(stored, { first: true })).toHaveLength(1)
  })
})
