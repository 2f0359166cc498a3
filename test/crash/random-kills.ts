import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Lane } from './lane.ts'
import type { Mutant } from './mutants.ts'
import type { CrashScheduler } from './schedulers.ts'
import { Place, Stage } from './stage.ts'
import type { CrashStoreName } from './stores/index.ts'
import { judge, type Verdict } from './verdict.ts'

/** A run with emitters and workers, of which any may be killed at any moment. */
export interface RandomKills {
  store: CrashStoreName
  /** Decides who is killed and when, what is emitted and how, and how the receiver answers. */
  seed: number
  events: number
  emitters: number
  workers: number
  endpoints: number
  /** How many workers, and how many emitters, are killed. */
  workerKills: number
  emitterKills: number
  /** How often the database's own server crashes, where there is one. */
  serverCrashes: number
  /** Answers of the receiver come after 0 to so many milliseconds. */
  slowestMs: number
  /** How long an emitter rests between two bursts, at most. */
  restMs: number
  mutant?: Mutant | undefined
  /** Who wakes the workers. Default: polling. */
  scheduler?: CrashScheduler | undefined
}

export interface RandomKillsReport extends Verdict {
  run: RandomKills
  kills: { workers: number; emitters: number; servers: number }
  /** Processes that ended by themselves otherwise than with success. */
  accidents: string[]
  complaints: string[]
  durationMs: number
}

/** @param brokerStrikes - What happens, once each, to the service behind the scheduler. */
export async function runRandomKills(
  run: RandomKills,
  brokerStrikes: (() => Promise<void>)[] = [],
): Promise<RandomKillsReport> {
  const startedAt = Date.now()
  await using place = await Place.open(run.store, {
    seed: run.seed,
    slowestMs: run.slowestMs,
    errors: 0.02,
    silences: run.workerKills > 0 ? 0.001 : 0,
  })
  await using stage = await Stage.set(place)
  await stage.addEndpoints(names('endpoint', run.endpoints))
  const { restart } = place.server
  const serverCrashes: number[] = []
  const { emitters, workers } = startLanes(run, place, stage)
  const striking = strikeInTime(run, stage, [
    { count: run.workerKills, strike: (random) => killOneOf(workers, random) },
    { count: run.emitterKills, strike: (random) => killOneOf(emitters, random) },
    {
      count: restart === null ? 0 : run.serverCrashes,
      async strike() {
        serverCrashes.push(Date.now())
        await restart?.()
      },
    },
    ...brokerStrikes.map((strike) => ({ count: 1, strike })),
  ])
  await Promise.all(emitters.map((lane) => lane.done))
  await striking
  await stage.finish()
  await Promise.all(workers.map((lane) => lane.stop()))

  const lanes = [...emitters, ...workers]
  const evidence = await stage.collect({
    emitters: emitters.flatMap((lane) => lane.processes),
    workers: lanes.flatMap((lane) => lane.processes),
    killed: new Set(lanes.flatMap((lane) => [...lane.killed])),
    serverCrashes,
  })
  return {
    run,
    kills: {
      workers: countKills(workers),
      emitters: countKills(emitters),
      servers: serverCrashes.length,
    },
    ...judge(evidence),
    accidents: lanes.flatMap((lane) => lane.accidents),
    complaints: evidence.complaints,
    durationMs: Date.now() - startedAt,
  }
}

function startLanes(run: RandomKills, { folder }: Place, { location }: Stage) {
  const { store, seed, mutant, restMs, scheduler } = run
  const common = { folder, store, location, mutant, scheduler }
  const emitters = names('emitter', run.emitters).map((lane, index) => {
    const events = Math.floor((run.events + index) / run.emitters)
    const emits = { seed: seed + index, lane, events, restMs }
    return new Lane(lane, (name, predecessors) => ({
      ...common,
      name,
      // Every second one is a worker besides, and keeps what it emits.
      works: index % 2 === 1,
      leaves: true,
      emits: { ...emits, predecessors },
    }))
  })
  const workers = names('worker', run.workers).map(
    (lane) => new Lane(lane, (name) => ({ ...common, name, works: true })),
  )
  return { emitters, workers }
}

/** A blow, and how often it falls. */
interface Strike {
  count: number
  strike: (random: Random) => Promise<void>
}

/**
 * Strikes when the receiver has got so and so many requests, a moment later: spread over the run,
 * however fast the machine is.
 */
async function strikeInTime(run: RandomKills, stage: Stage, strikes: Strike[]): Promise<void> {
  const random = seededRandom(run.seed)
  // A tenth is rolled back, and the last requests are left to those who live.
  const expected = run.events * run.endpoints * 0.85
  const plan = strikes
    .flatMap(({ count, strike }) => Array.from({ length: count }, () => strike))
    .map((strike) => ({ strike, at: Math.floor(random.next() * expected) }))
  // Processes that are killed before they have begun prove nothing.
  const isUp = Date.now() + longestStartMs
  while (stage.received === 0 && Date.now() < isUp) await sleep(2)
  for (const { strike, at } of plan.sort((a, b) => a.at - b.at)) {
    const since = Date.now()
    while (stage.received < at && !stage.isSilent(since)) await sleep(2)
    await sleep(random.next() * 200)
    await strike(random)
  }
}

/** A loaded machine takes its time to start a dozen processes. */
const longestStartMs = 60_000

/** Emitters that have finished are beyond harm. */
async function killOneOf(lanes: Lane[], random: Random): Promise<void> {
  const alive = lanes.filter((lane) => lane.isAlive)
  await alive[Math.floor(random.next() * alive.length)]?.kill()
}

function names(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word}-${index + 1}`)
}

function countKills(lanes: Lane[]): number {
  return lanes.reduce((sum, lane) => sum + lane.killed.size, 0)
}
