/** The tables of docs/scaling.md: everything in them is measured, or derived from what is. */
import type { Report } from './report.ts'
import { median } from './statistics.ts'

/** What bench/log-size.ts measures: bytes per delivery, of an event with one endpoint. */
export interface LogSize {
  date: string
  payloadBytes: number
  count: number
  postgres: {
    /** Of the three tables, indexes included; `other`: everything else. */
    event: number
    delivery: number
    attempt: number
    other: number
    /** Of write-ahead log. */
    walBytes: number
    /** Deliveries, with event and attempt. */
    prunePerSecond: number
  }
  sqlite: { bytes: number; prunePerSecond: number }
}

type Measured = Pick<Report, 'machine' | 'results'>

/** Deliveries per second that the page speaks of. */
const rates = [10, 1_000, 100_000]
/** What is planned to be used of a core, so that a peak has room. */
const load = 0.5
const day = 86_400

/** By name, as they stand in docs/scaling.md between marks. */
export function scalingTables(report: Measured, size: LogSize): Record<string, string> {
  return {
    'cost per delivery': costTable(report),
    'size of a delivery': sizeTable(size),
    'what it takes': needsTable(report, size),
    'a billion deliveries': billionTable(size),
  }
}

function costTable({ machine, results }: Measured): string {
  const [floor, memory, sqlite] = ['floor', 'memory', 'sqlite'].map((name) => own(results, name))
  const postgres = own(results, 'postgres')
  const rows = [
    ['sign and POST, by undici', '`send`', micros(floor), 'own CPU of the floor'],
    ['the engine', '`engine`', micros(less(memory, floor)), 'own CPU on memory, less `send`'],
    [
      'SQLite, in the process',
      '`sqlite`',
      micros(less(sqlite, memory)),
      'own CPU, less that on memory',
    ],
    [
      'Postgres, in the process',
      '`client`',
      micros(less(postgres, memory)),
      'own CPU, less that on memory',
    ],
    [
      'Postgres, in the server',
      '`server`',
      micros(server(results, 'postgres')),
      'CPU of the server',
    ],
  ]
  return `From bench/results.json of ${machine.date}: Node ${machine.node}, ${machine.cores} cores, load before it began ${machine.load.toFixed(1)}.

${table(['part', 'symbol', 'CPU per delivery', 'how it was found'], rows)}`
}

function sizeTable({ postgres, sqlite, count, payloadBytes, date }: LogSize): string {
  const { event, delivery, attempt, other, walBytes } = postgres
  const rows = [
    ['event, with its body', bytes(event)],
    ['delivery', bytes(delivery)],
    ['attempt', bytes(attempt)],
    ['queue, schedule and the rest', bytes(other)],
    ['**together on Postgres**', `**${bytes(perDelivery(size(postgres)))}**`],
    ['write-ahead log of Postgres', bytes(walBytes)],
    ['**in an SQLite file**', `**${bytes(sqlite.bytes)}**`],
  ]
  return `From bench/log-size.json of ${date}: ${thousands(count)} events with ${thousands(payloadBytes)} bytes of data, each to one endpoint that accepts it at once.

${table(['what', 'bytes for each, indexes included'], rows)}`
}

function needsTable({ results }: Measured, log: LogSize): string {
  const postgres = own(results, 'postgres')
  const inServer = server(results, 'postgres')
  const per = perDelivery(size(log.postgres))
  const rows = rates.map((rate) => [
    `${thousands(rate)} per second`,
    cores(rate, postgres),
    cores(rate, inServer),
    `${amount((rate * log.postgres.walBytes) / 1e6)} MB/s`,
    `${amount((rate * day * per) / 1e9)} GB`,
    rate * day > log.postgres.prunePerSecond * day
      ? 'no: see partitions'
      : `${amount((rate * day) / log.postgres.prunePerSecond / 60)} min`,
  ])
  return table(
    [
      'deliveries',
      'cores for processes',
      'cores for Postgres',
      'write-ahead log',
      'log per day',
      '`prune` of a day',
    ],
    rows,
  )
}

function billionTable(log: LogSize): string {
  const { attempt, prunePerSecond } = log.postgres
  const rows = [
    ['on Postgres, all tables', `${amount((1e9 * perDelivery(size(log.postgres))) / 1e12)} TB`],
    ['of these, attempts', `${amount((1e9 * attempt) / 1e12)} TB`],
    ...rates.map((rate) => [
      `is reached at ${thousands(rate)} per second after`,
      `${amount(1e9 / rate / day)} days`,
    ]),
    ['takes `prune`, in one process', `${amount(1e9 / prunePerSecond / 3600)} hours`],
  ]
  return table(['a billion deliveries', ''], rows)
}

function size({ event, delivery, attempt, other }: LogSize['postgres']): number[] {
  return [event, delivery, attempt, other]
}

function perDelivery(parts: number[]): number {
  return parts.reduce((sum, part) => sum + part, 0)
}

function own(results: Measured['results'], name: string): number {
  const samples = results.find((result) => result.name === name)?.live ?? []
  return median(samples.map(({ cpuMicros }) => cpuMicros))
}

function server(results: Measured['results'], name: string): number {
  const samples = results.find((result) => result.name === name)?.live ?? []
  return median(samples.flatMap(({ serverCpuMicros }) => serverCpuMicros ?? []))
}

function less(value: number | undefined, part: number | undefined): number {
  return (value ?? Number.NaN) - (part ?? Number.NaN)
}

function micros(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? 'not known' : `${Math.round(value)} µs`
}

/** @param micros - CPU time per delivery. */
function cores(rate: number, micros: number): string {
  return Number.isNaN(micros) ? 'not known' : amount((rate * micros) / 1e6 / load)
}

function bytes(value: number): string {
  return thousands(value)
}

function thousands(value: number): string {
  return value.toLocaleString('en')
}

/** Two digits are more than such a derivation is worth. */
function amount(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en', { maximumFractionDigits: 4 })
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
