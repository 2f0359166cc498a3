/**
 * The long crash test: `npm run test:crash -- --seed 7 --store sqlite`. Prints what it found, keeps
 * it in test-results/crash/, and fails if a promise was broken.
 */
import { parseArgs } from 'node:util'
import { runRandomKills } from './random-kills.ts'
import { describeRandomKills, describeSteps, keepReport } from './report.ts'
import { runStepKills } from './step-kills.ts'
import { statementSteps, steps } from './steps.ts'
import { type CrashStoreName, crashStoreNames } from './stores/index.ts'
import type { Verdict } from './verdict.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', multiple: true, default: crashStoreNames },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    events: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '100' },
    /** Deaths at each step; at random statements ten times as many. */
    deaths: { type: 'string', default: '15' },
    /** What is done: nobody is killed, processes at random, servers, or processes at named steps. */
    part: { type: 'string', multiple: true, default: ['peace', 'random', 'servers', 'steps'] },
  },
})

const seed = Number(values.seed)
const events = Number(values.events)
const kills = Number(values.kills)
const deaths = Number(values.deaths)
let isSound = true

function check(verdict: Verdict & { accidents: string[] }): void {
  if (verdict.breaches.length > 0 || verdict.accidents.length > 0) isSound = false
}

function demand(isMet: boolean, demanded: string): void {
  if (isMet) return
  console.log(`  BROKEN: ${demanded}`)
  isSound = false
}

async function runAtRandom(store: CrashStoreName): Promise<void> {
  const report = await runRandomKills({
    ...{ store, seed, events, endpoints: 2, emitters: 2, workers: 4, restMs: 400, slowestMs: 20 },
    ...{ workerKills: kills, emitterKills: Math.floor(kills / 4), serverCrashes: 0 },
  })
  keepReport(`${store}-random-${seed}`, report)
  console.log(describeRandomKills(report))
  check(report)
  demand(report.kills.workers === kills, `${kills} workers are killed`)
  // What is in flight at a kill does not depend on how much there is to do in all.
  const most = Math.max(0.03 * events, 3 * kills)
  const { duplicates, inFlightAtKills, unanswered } = report.figures
  // An answer that came too late is repeated whoever is killed: a loaded machine has many.
  const byKills = duplicates - unanswered
  demand(byKills < most, `fewer than ${most} requests are repeated, and not ${byKills}`)
  demand(byKills <= inFlightAtKills, 'no more are repeated than were in flight at the kills')
  demand(inFlightAtKills > 0, 'some are in flight when a worker is killed')
}

async function runInPeace(store: CrashStoreName): Promise<void> {
  const report = await runRandomKills({
    ...{ store, seed, events: events / 10, endpoints: 2, emitters: 2, workers: 4, restMs: 50 },
    ...{ slowestMs: 20, workerKills: 0, emitterKills: 0, serverCrashes: 0 },
  })
  keepReport(`${store}-peace-${seed}`, report)
  console.log(describeRandomKills(report))
  check(report)
  const { duplicates, unanswered } = report.figures
  demand(duplicates <= unanswered, 'without a kill only what was answered too late is repeated')
}

async function runWithServerCrashes(store: CrashStoreName): Promise<void> {
  const report = await runRandomKills({
    ...{ store, seed, events: events / 5, endpoints: 2, emitters: 2, workers: 4 },
    ...{ restMs: 400, slowestMs: 20, workerKills: 5, emitterKills: 2, serverCrashes: 10 },
  })
  if (report.kills.servers === 0) return
  keepReport(`${store}-server-${seed}`, report)
  console.log(describeRandomKills(report))
  check(report)
}

async function runAtSteps(store: CrashStoreName): Promise<void> {
  const common = { store, seed, atOnce: 4 }
  const reports = [
    ...(await runStepKills({ ...common, deaths, steps })),
    ...(await runStepKills({ ...common, deaths: deaths * 10, steps: statementSteps })),
  ]
  keepReport(`${store}-steps-${seed}`, reports)
  console.log(describeSteps(reports))
  for (const report of reports) {
    check(report)
    demand(report.deaths > 0, `${report.step}: somebody dies there`)
  }
}

for (const store of values.store as CrashStoreName[]) {
  if (values.part.includes('peace')) await runInPeace(store)
  if (values.part.includes('random')) await runAtRandom(store)
  if (values.part.includes('servers') && store !== 'sqlite') await runWithServerCrashes(store)
  if (values.part.includes('steps')) await runAtSteps(store)
}

console.log(isSound ? 'Every promise held.' : 'A promise was broken.')
process.exitCode = isSound ? 0 : 1
