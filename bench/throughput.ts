import type { Entry } from './contenders/index.ts'
import type { Effort } from './options.ts'
import type { ReceiverCalls } from './receiver.ts'
import type { Peer } from './rpc.ts'
import { type Mode, Runner, type Sample } from './runs.ts'
import type { Servers } from './servers/index.ts'

/** One sample per round. */
export interface Result {
  name: string
  live: Sample[]
  drain: Sample[]
  /** Two processes that share the work; none where they cannot. */
  two: Sample[]
  peakMb: number
}

const firstCount = 1_000

/** All contenders in turn, round after round, each in processes of its own. */
export async function measureThroughput(
  chosen: Entry[],
  effort: Effort,
  { servers, receiver }: { servers: Servers; receiver: Peer<ReceiverCalls> },
): Promise<Result[]> {
  const present = chosen.filter((entry) => servers.suffice(entry))
  const runners = present.map((entry) => new Runner(entry, servers, receiver))
  const results = new Map(runners.map(({ entry }) => [entry.name, emptyResult(entry.name)]))
  const rates = new Map<string, number>()

  async function run(runner: Runner, mode: Mode, processes: 1 | 2): Promise<Sample> {
    const key = `${runner.entry.name} ${mode} ${processes}`
    // As many as it does in the time that a measurement is to last.
    const count = Math.round((rates.get(key) ?? 0) * effort.seconds)
    const sample = await runner.run(mode, Math.max(count, firstCount), processes)
    rates.set(key, sample.perSecond)
    console.error(`${key}: ${Math.round(sample.perSecond)} per second`)
    return sample
  }

  function keep(round: number, { entry }: Runner, what: 'live' | 'two' | 'drain', sample: Sample) {
    if (round >= 0) results.get(entry.name)?.[what].push(sample)
  }

  try {
    for (let round = -effort.warmUps; round < effort.rounds; round++) {
      for (const runner of runners) {
        keep(round, runner, 'live', await run(runner, 'live', 1))
        // At once after the one process, to which they are compared.
        if (runner.entry.shared) keep(round, runner, 'two', await run(runner, 'live', 2))
      }
      for (const runner of runners) keep(round, runner, 'drain', await run(runner, 'drain', 1))
    }
    for (const runner of runners) {
      const result = results.get(runner.entry.name)
      if (result) result.peakMb = await runner.peakMb()
    }
    return [...results.values()]
  } finally {
    for (const runner of runners) await runner.end()
  }
}

function emptyResult(name: string): Result {
  return { name, live: [], drain: [], two: [], peakMb: 0 }
}
