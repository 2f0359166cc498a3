import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Lane } from './lane.ts'
import type { Mutant } from './mutants.ts'
import { Place, Stage } from './stage.ts'
import type { CrashStoreName } from './stores.ts'
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
  /** Answers of the receiver come after 0 to so many milliseconds. */
  slowestMs: number
  /** How long an emitter rests between two bursts, at most. */
  restMs: number
  mutant?: Mutant | undefined
}

export interface RandomKillsReport extends Verdict {
  run: RandomKills
  kills: { workers: number; emitters: number }
  /** Processes that ended by themselves otherwise than with success. */
  accidents: string[]
  complaints: string[]
  durationMs: number
}

export async function runRandomKills(run: RandomKills): Promise<RandomKillsReport> {
  const startedAt = Date.now()
  await using place = await Place.open({
    seed: run.seed,
    slowestMs: run.slowestMs,
    errors: 0.02,
    silences: run.workerKills > 0 ? 0.001 : 0,
  })
  await using stage = await Stage.set(place, run.store)
  await stage.addEndpoints(names('endpoint', run.endpoints))
  const { emitters, workers } = startLanes(run, place, stage)
  const kill = killInTime(run, stage, { emitters, workers })
  await Promise.all(emitters.map((lane) => lane.done))
  await kill
  await stage.finish()
  await Promise.all(workers.map((lane) => lane.stop()))

  const lanes = [...emitters, ...workers]
  const evidence = await stage.collect({
    emitters: emitters.flatMap((lane) => lane.processes),
    workers: workers.flatMap((lane) => lane.processes),
    killed: new Set(lanes.flatMap((lane) => [...lane.killed])),
  })
  return {
    run,
    kills: { workers: countKills(workers), emitters: countKills(emitters) },
    ...judge(evidence),
    accidents: lanes.flatMap((lane) => lane.accidents),
    complaints: evidence.complaints,
    durationMs: Date.now() - startedAt,
  }
}

function startLanes(run: RandomKills, { folder }: Place, { location }: Stage) {
  const { store, seed, mutant, restMs } = run
  const common = { folder, store, location, mutant }
  const emitters = names('emitter', run.emitters).map((lane, index) => {
    const events = Math.floor((run.events + index) / run.emitters)
    const emits = { seed: seed + index, lane, events, restMs }
    return new Lane(lane, (name, predecessors) => ({
      ...common,
      name,
      works: false,
      emits: { ...emits, predecessors },
    }))
  })
  const workers = names('worker', run.workers).map(
    (lane) => new Lane(lane, (name) => ({ ...common, name, works: true })),
  )
  return { emitters, workers }
}

/**
 * Kills when the receiver has got so and so many requests, a moment later: spread over the run,
 * however fast the machine is.
 */
async function killInTime(
  run: RandomKills,
  stage: Stage,
  lanes: { emitters: Lane[]; workers: Lane[] },
): Promise<void> {
  const random = seededRandom(run.seed)
  // A tenth is rolled back, and the last requests are left to those who live.
  const expected = run.events * run.endpoints * 0.85
  const plan = [
    ...Array.from({ length: run.workerKills }, () => lanes.workers),
    ...Array.from({ length: run.emitterKills }, () => lanes.emitters),
  ].map((victims) => ({ victims, at: Math.floor(random.next() * expected) }))
  const since = Date.now()
  for (const { victims, at } of plan.sort((a, b) => a.at - b.at)) {
    while (stage.received < at && !stage.isSilent(since)) await sleep(2)
    await sleep(random.next() * 200)
    const alive = victims.filter((lane) => lane.isAlive)
    await alive[Math.floor(random.next() * alive.length)]?.kill()
  }
}

function names(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word}-${index + 1}`)
}

function countKills(lanes: Lane[]): number {
  return lanes.reduce((sum, lane) => sum + lane.killed.size, 0)
}
