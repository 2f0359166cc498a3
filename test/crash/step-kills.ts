import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Child } from './processes.ts'
import { Place, Stage } from './stage.ts'
import { nameOf, type Step } from './steps.ts'
import type { CrashStoreName } from './stores/index.ts'
import { judge, type Verdict } from './verdict.ts'

/** A run in which processes die at one named step, each on a database that others work on too. */
export interface StepKills {
  store: CrashStoreName
  seed: number
  /** How many processes die at each step. */
  deaths: number
  /** How many processes run at once. */
  atOnce: number
  steps: readonly Step[]
}

export interface StepReport extends Verdict {
  step: string
  /** How many died there. */
  deaths: number
  /** Processes that ended otherwise: the step was not reached, or something failed. */
  accidents: string[]
}

/** What a process emits until it dies; where there is no endpoint yet, it would be owed to nobody. */
const emits = { events: 60, restMs: 60, predecessors: [] }

const mostLifeMs = 60_000

/** Runs all steps, each on a database of its own and with a receiver for all. */
export async function runStepKills(run: StepKills): Promise<StepReport[]> {
  await using place = await Place.open(run.store, {
    seed: run.seed,
    slowestMs: 10,
    // Few enough that no endpoint fails ten times in a row, and is left to rest.
    errors: 0.1,
    silences: 0,
  })
  const seats = new Seats(run.atOnce)
  // Awaited here: the place is there until all are done.
  return await Promise.all(
    run.steps.map((step, index) => runStep(run, step, { index, place, seats })),
  )
}

async function runStep(
  run: StepKills,
  step: Step,
  { index, place, seats }: { index: number; place: Place; seats: Seats },
): Promise<StepReport> {
  const { mode, mutant, isNew = false, calls: [first, last] = [1, 4] } = step
  const name = nameOf(step)
  const random = seededRandom(run.seed + index)
  await using stage = await Stage.set(place)
  const endpoints = [`${name}/1`, `${name}/2`]
  if (!isNew) await stage.addEndpoints(endpoints)

  const call = () => first + Math.floor(random.next() * (last - first + 1))
  const children = await Promise.all(
    Array.from({ length: run.deaths }, call).map((call, death) => {
      const lane = `${name}.${death}`
      return seats.take(async () => {
        const child = new Child({
          name: lane,
          folder: place.folder,
          store: run.store,
          location: stage.location,
          works: true,
          emits: isNew ? undefined : { ...emits, lane, seed: run.seed + death, mode },
          mutant,
          crashPoint: { step: step.step, when: step.when, call },
        })
        // One that never comes to its step is an accident; it need not take all day.
        const timer = setTimeout(() => child.stop(), mostLifeMs)
        const ending = await child.ended
        clearTimeout(timer)
        return { name: lane, ...ending }
      })
    }),
  )

  // What is still owed is the survivor's to do.
  if (isNew) await stage.addEndpoints(endpoints)
  await stage.webhooks.start()
  const survivor = `${name}.survivor`
  await stage.emit({ seed: run.seed, lane: survivor, events: 5, restMs: 0 })
  await stage.finish()
  const died = children.filter(({ signal }) => signal === 'SIGKILL')
  const names = children.map((child) => child.name)
  const evidence = await stage.collect({
    emitters: [...names, survivor],
    workers: names,
    killed: new Set(died.map((child) => child.name)),
  })
  return {
    step: name,
    deaths: died.length,
    accidents: children
      .filter(({ signal }) => signal !== 'SIGKILL')
      .map((child) => `${child.name} ended with ${child.code ?? child.signal}: ${child.words}`),
    ...judge(evidence),
  }
}

/** Lets so many run at once. */
class Seats {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#free -= 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
