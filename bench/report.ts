import { entries } from './contenders/index.ts'
import type { Machine } from './machine.ts'
import type { Effort } from './options.ts'
import type { Sample } from './runs.ts'
import { median, ratios } from './statistics.ts'
import type { Result } from './throughput.ts'
import type { Verdict } from './verdicts.ts'

export interface Report {
  machine: Machine
  effort: Effort
  results: Result[]
  verdicts: Verdict[]
}

/** The whole report, as Markdown. */
export function writeReport({ machine, effort, results, verdicts }: Report): string {
  return `# Benchmark results

Written by \`npm run bench\` on ${machine.date}; no figure here is written by hand. The numbers are in
results.json as well, sample by sample.

${describe(machine)}

## Verdicts

${verdictTable(verdicts)}

## Deliveries per second, one process

About 1 KB each, 64 requests at once, to one loopback receiver in its own process. Every contender is
a process of its own, or two that take turns where they can share work, and outlives the rounds. **Live**: from the first batch of 500 enqueued to the last
request received, in a process that has just delivered 1,000 others: its connections stand, and the
database has planned its statements. **Backlog**: everything is enqueued before the worker starts, and
only the rest is measured. ${effort.rounds} interleaved rounds after ${effort.warmUps} that warm up; each measurement is sized to last about
${effort.seconds} s. Median, and the range in parentheses; ratios are medians of the ratios of each round. CPU time
is per delivery of the live runs, in microseconds: of the sending process with its
acknowledgements, and of its database or Redis.

${table(
  ['', 'live', 'of the floor', 'backlog', 'own CPU', 'server CPU', 'peak memory'],
  results.map((result) => [
    titleOf(result),
    rateOf(result.live),
    ofFloor(result, results),
    rateOf(result.drain),
    medianOf(result.live, 'cpuMicros'),
    medianOf(result.live, 'serverCpuMicros'),
    `${result.peakMb.toFixed(0)} MB`,
  ]),
)}

## Two processes that share the work

Live runs: both enqueue, and both work. Each follows the one-process run to which it is compared.

${table(
  ['', 'deliveries per second', 'of one process', 'own CPU', 'server CPU', 'sent twice'],
  results
    .filter(({ two }) => two.length > 0)
    .map((result) => [
      titleOf(result),
      rateOf(result.two),
      ratioText(result.two, result.live),
      medianOf(result.two, 'cpuMicros'),
      medianOf(result.two, 'serverCpuMicros'),
      String(result.two.reduce((sum, { repeated }) => sum + repeated, 0)),
    ]),
)}

## How each is configured

${results.map((result) => `- **${titleOf(result)}.** ${howOf(result)}`).join('\n')}
`
}

export function verdictTable(verdicts: Verdict[]): string {
  return table(
    ['figure', 'bar', 'measured', ''],
    verdicts.map(({ figure, bar, measured, met }) => [figure, bar, measured, wordOf(met)]),
  )
}

export function describe(machine: Machine): string {
  const { postgres, redis } = machine
  const settings = Object.entries(postgres?.settings ?? {}).map(([key, value]) => `${key}=${value}`)
  return [
    `Node ${machine.node} on ${machine.system}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB;`,
    `load before it began: ${machine.load.toFixed(1)}.`,
    postgres && `Postgres ${postgres.version}, the same for all, with ${settings.join(', ')}.`,
    redis && `Redis ${redis}.`,
  ]
    .filter(Boolean)
    .join('\n')
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function wordOf(met: boolean | null): string {
  if (met === null) return ''
  return met ? 'met' : '**not met**'
}

function titleOf({ name }: Result): string {
  return entries.find((entry) => entry.name === name)?.title ?? name
}

function howOf({ name }: Result): string {
  return entries.find((entry) => entry.name === name)?.how ?? ''
}

function rateOf(samples: Sample[]): string {
  const rates = samples.map(({ perSecond }) => Math.round(perSecond))
  return `${Math.round(median(rates))} (${Math.min(...rates)} to ${Math.max(...rates)})`
}

function ofFloor(result: Result, results: Result[]): string {
  const floor = results.find(({ name }) => name === 'floor')
  return floor ? ratioText(result.live, floor.live) : ''
}

function ratioText(samples: Sample[], references: Sample[]): string {
  const rates = (of: Sample[]) => of.map(({ perSecond }) => perSecond)
  return median(ratios(rates(samples), rates(references))).toFixed(2)
}

function medianOf(samples: Sample[], key: 'cpuMicros' | 'serverCpuMicros'): string {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== null)
  return values.length === 0 ? '' : median(values).toFixed(0)
}
