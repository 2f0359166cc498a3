import { median, ratios as ratiosOf } from './statistics.ts'
import type { Result } from './throughput.ts'

/** One figure against its bar. */
export interface Verdict {
  figure: string
  bar: string
  measured: string
  /** `null`: not measured. */
  met: boolean | null
}

export type Bar = { atLeast: number } | { atMost: number } | { below: number }

/** @param digits - Of the measured number. */
export function judge(
  figure: string,
  bar: Bar,
  measured: number | null,
  { unit = '', digits = 2 }: { unit?: string; digits?: number } = {},
): Verdict {
  const suffix = unit === '' ? '' : ` ${unit}`
  const [words, isMet] = read(bar)
  if (measured === null || Number.isNaN(measured))
    return { figure, bar: `${words}${suffix}`, measured: 'not measured', met: null }
  const text = `${measured.toFixed(digits)}${suffix}`
  return { figure, bar: `${words}${suffix}`, measured: text, met: isMet(measured) }
}

function read(bar: Bar): [words: string, isMet: (value: number) => boolean] {
  if ('atLeast' in bar) return [`at least ${bar.atLeast}`, (value) => value >= bar.atLeast]
  if ('atMost' in bar) return [`at most ${bar.atMost}`, (value) => value <= bar.atMost]
  return [`under ${bar.below}`, (value) => value < bar.below]
}

const rivals = ['bullmq', 'pg-boss', 'graphile-worker']

/** What the samples of throughput say about the figures of the project. */
export function judgeThroughput(results: Result[]): Verdict[] {
  const of = (name: string) => results.find((result) => result.name === name)
  const rates = (name: string, mode: 'live' | 'drain' | 'two') =>
    of(name)?.[mode].map(({ perSecond }) => perSecond) ?? []
  const ratio = (name: string, references: number[], mode: 'live' | 'drain') =>
    references.length === 0 ? null : median(ratiosOf(rates(name, mode), references))
  const best = (mode: 'live' | 'drain', names = rivals) => {
    const all = names.map((name) => rates(name, mode)).filter((each) => each.length > 0)
    return (all[0] ?? []).map((_, round) => Math.max(...all.map((each) => each[round] ?? 0)))
  }
  const two = ratiosOf(rates('postgres', 'two'), rates('postgres', 'live'))
  const overlap = of('postgres')?.two.reduce((sum, { repeated }) => sum + repeated, 0)
  return [
    judge('memory / floor', { atLeast: 0.6 }, ratio('memory', rates('floor', 'live'), 'live')),
    judge('SQLite / floor', { atLeast: 0.35 }, ratio('sqlite', rates('floor', 'live'), 'live')),
    judge(
      'Postgres / best of BullMQ, pg-boss and graphile-worker, while enqueued',
      { atLeast: 3 },
      ratio('postgres', best('live'), 'live'),
    ),
    judge(
      'Postgres / better of BullMQ and graphile-worker, while enqueued',
      { atLeast: 2.5 },
      ratio('postgres', best('live', ['bullmq', 'graphile-worker']), 'live'),
    ),
    judge(
      'Postgres / best of the three, from a backlog',
      { atLeast: 3 },
      ratio('postgres', best('drain'), 'drain'),
    ),
    judge(
      'Postgres + BullMQ / BullMQ',
      { atLeast: 1.2 },
      ratio('postgres-bullmq', rates('bullmq', 'live'), 'live'),
    ),
    judge('two processes on one Postgres / one', { atLeast: 1 }, median(two)),
    judge('deliveries that both of them sent', { atMost: 0 }, overlap ?? null, { digits: 0 }),
  ]
}
