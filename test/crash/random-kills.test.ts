import { beforeAll, describe, expect, test } from 'vitest'
import { type RandomKills, type RandomKillsReport, runRandomKills } from './random-kills.ts'
import { keepReport } from './report.ts'
import { crashStoreNames } from './stores/index.ts'

const small = {
  ...{ seed: 7, events: 300, endpoints: 2, emitters: 2, workers: 4 },
  ...{ restMs: 150, slowestMs: 20, workerKills: 0, emitterKills: 0, serverCrashes: 0 },
} satisfies Omit<RandomKills, 'store'>

/** All storages at once: most of the time goes by in waiting for the leases of the dead. */
async function runAll(kills: Partial<RandomKills>): Promise<RandomKillsReport[]> {
  return Promise.all(
    crashStoreNames.map(async (store) => {
      const report = await runRandomKills({ ...small, ...kills, store })
      keepReport(`${store}-random-${report.kills.workers}-kills`, report)
      return report
    }),
  )
}

describe('processes killed at random moments lose nothing and invent nothing', () => {
  let reports: RandomKillsReport[] = []

  beforeAll(async () => {
    reports = await runAll({ workerKills: 6, emitterKills: 2, serverCrashes: 1 })
  }, 120_000)

  test.each(crashStoreNames)('on %s', (store) => {
    const report = reports.find(({ run }) => run.store === store)
    expect(report).toMatchObject({ breaches: [], accidents: [], kills: { workers: 6 } })
    expect(report?.figures.committed).toBeGreaterThan(100)
    const { duplicates, inFlightAtKills = 0, unanswered = 0, forgotten = 0 } = report?.figures ?? {}
    expect(duplicates).toBeLessThanOrEqual(inFlightAtKills + unanswered + forgotten)
  })
})

describe('without a kill nothing is sent twice', () => {
  let reports: RandomKillsReport[] = []

  beforeAll(async () => {
    reports = await runAll({})
  }, 120_000)

  test.each(crashStoreNames)('on %s', (store) => {
    const report = reports.find(({ run }) => run.store === store)
    expect(report).toMatchObject({ breaches: [], accidents: [] })
    expect(report?.figures).toMatchObject({ unknown: 0, refused: 0, lost: 0 })
    const { committed = 0, rolledBack = 0, duplicates, unanswered } = report?.figures ?? {}
    expect(duplicates).toBeLessThanOrEqual(unanswered ?? 0)
    expect(committed + rolledBack).toBe(small.events)
  })
})
