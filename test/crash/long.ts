/**
 * The long crash test: `npm run test:crash -- --seed 7 --store sqlite`. Prints what it found, keeps
 * it in test-results/crash/, and fails if a promise was broken.
 */
import { parseArgs } from 'node:util'
import { runRandomKills } from './random-kills.ts'
import { describeRandomKills, describeSteps, keepReport } from './report.ts'
import { runStepKills } from './step-kills.ts'
import { statementSteps, steps } from './steps.ts'
import { type CrashStoreName, crashStores } from './stores.ts'
import type { Verdict } from './verdict.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', multiple: true, default: Object.keys(crashStores) },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    events: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '100' },
    /** Deaths at each step; at random statements ten times as many. */
    deaths: { type: 'string', default: '15' },
  },
})

/** The most that may be sent twice, of all events. */
const mostDuplicates = 0.03

const seed = Number(values.seed)
let isSound = true

function check(verdict: Verdict & { accidents: string[] }, enoughDied: boolean): void {
  const { breaches, accidents } = verdict
  if (breaches.length > 0 || accidents.length > 0 || !enoughDied) isSound = false
}

for (const store of values.store as CrashStoreName[]) {
  const random = await runRandomKills({
    ...{ store, seed, events: Number(values.events), endpoints: 2, emitters: 2, workers: 4 },
    ...{ workerKills: Number(values.kills), emitterKills: Number(values.kills) / 4 },
    ...{ restMs: 400, slowestMs: 20 },
  })
  keepReport(`${store}-random-${seed}`, random)
  console.log(describeRandomKills(random))
  check(random, random.kills.workers === Number(values.kills))
  if (random.figures.duplicates > Number(values.events) * mostDuplicates) {
    console.log(`  BROKEN: more than ${mostDuplicates * 100} % were sent twice`)
    isSound = false
  }

  const deaths = Number(values.deaths)
  const common = { store, seed, atOnce: 4 }
  const atSteps = [
    ...(await runStepKills({ ...common, deaths, steps })),
    ...(await runStepKills({ ...common, deaths: deaths * 10, steps: statementSteps })),
  ]
  keepReport(`${store}-steps-${seed}`, atSteps)
  console.log(describeSteps(atSteps))
  for (const step of atSteps) check(step, step.deaths > 0)
}

console.log(isSound ? 'Every promise held.' : 'A promise was broken.')
process.exitCode = isSound ? 0 : 1
