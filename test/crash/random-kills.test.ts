import { describe, expect, test } from 'vitest'
import { type RandomKills, runRandomKills } from './random-kills.ts'
import { keepReport } from './report.ts'
import { crashStoreNames } from './stores/index.ts'

const seed = 7
const small = {
  ...{ seed, events: 300, endpoints: 2, emitters: 2, workers: 4 },
  ...{ restMs: 150, slowestMs: 20, workerKills: 0, emitterKills: 0, serverCrashes: 0 },
} satisfies Omit<RandomKills, 'store'>

describe.each(crashStoreNames)('on %s', (store) => {
  test('processes killed at random moments lose nothing and invent nothing', async () => {
    const kills = { workerKills: 6, emitterKills: 2, serverCrashes: 1 }
    const report = await runRandomKills({ ...small, ...kills, store })
    keepReport(`${store}-random-short`, report)
    expect(report.breaches).toEqual([])
    expect(report.accidents).toEqual([])
    expect(report.kills.workers).toBe(6)
    expect(report.figures.committed).toBeGreaterThan(100)
    expect(report.figures.duplicates).toBeLessThanOrEqual(report.figures.inFlightAtKills)
  }, 90_000)

  test('without a kill nothing is sent twice', async () => {
    const report = await runRandomKills({ ...small, store })
    expect(report.breaches).toEqual([])
    expect(report.accidents).toEqual([])
    expect(report.figures).toMatchObject({ unknown: 0, refused: 0, lost: 0, duplicates: 0 })
    expect(report.figures.committed + report.figures.rolledBack).toBe(small.events)
  }, 90_000)
})
