/**
 * `npm run bench`: everything side by side in one run, in rounds, so that a machine that changes
 * speed changes it for all. Prints a table, and writes bench/RESULTS.md and bench/results.json.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { BacklogSample } from './backlog.ts'
import { emitBurst } from './emit.ts'
import { median, type Sample, startReceiver } from './harness.ts'
import { floor, memory, sqlite } from './throughput.ts'

const rounds = 5
const deliveriesPerRound = 20_000

const contenders = { floor, memory, sqlite }
type Contender = keyof typeof contenders
const names = Object.keys(contenders) as Contender[]

async function throughput(): Promise<Record<Contender, Sample[]>> {
  const receiver = await startReceiver()
  const samples: Record<Contender, Sample[]> = { floor: [], memory: [], sqlite: [] }
  // The first round warms the engine up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const sample = await contenders[name](receiver, deliveriesPerRound)
      if (round > 0) samples[name].push(sample)
    }
  }
  receiver.close()
  return samples
}

function backlog(waiting: number): BacklogSample {
  const script = fileURLToPath(new URL('./backlog.ts', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [script, String(waiting)], { encoding: 'utf8' }))
}

function row(name: Contender, samples: Sample[], ofFloor: number[]): string {
  const perSecond = samples.map((sample) => sample.perSecond)
  const range = `${Math.round(Math.min(...perSecond))} to ${Math.round(Math.max(...perSecond))}`
  const cpu = median(samples.map((sample) => sample.cpuMicros))
  return `| ${name} | ${Math.round(median(perSecond))} | ${range} | ${median(ofFloor).toFixed(2)} | ${cpu.toFixed(0)} |`
}

const samples = await throughput()
/** Round by round: what the machine did to one, it did to the other. */
const ratios = Object.fromEntries(
  names.map((name) => [
    name,
    samples[name].map((sample, round) => {
      return sample.perSecond / (samples.floor[round]?.perSecond ?? Number.NaN)
    }),
  ]),
) as Record<Contender, number[]>
const burst = await emitBurst(10_000)
const small = backlog(10_000)
const large = backlog(1_000_000)

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 1024 ** 3),
  date: new Date().toISOString().slice(0, 10),
}

const report = `# Benchmark results

Written by \`npm run bench\` on ${machine.date}: Node ${machine.node}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB.

## Deliveries per second

${deliveriesPerRound} deliveries of about 1 KB in each of ${rounds} interleaved rounds, 64 at once, to one loopback
receiver in its own process. The floor is an undici \`Pool\` that signs and POSTs the same bodies and
stores nothing; the others run from the first \`emit\` to the last request received, with every
event, delivery and attempt stored. Ratios are taken round by round.

| | median | range | of the floor | CPU per delivery, µs |
| --- | --- | --- | --- | --- |
${names.map((name) => row(name, samples[name], ratios[name])).join('\n')}

## Other figures

| | measured |
| --- | --- |
| \`emit\`, 10,000 calls at once on SQLite: the slowest | ${burst.slowestMs.toFixed(0)} ms |
| claim of 64 with 10,000 waiting in SQLite, median | ${small.claimMs.toFixed(2)} ms |
| claim of 64 with 1,000,000 waiting in SQLite, median | ${large.claimMs.toFixed(2)} ms (${(large.claimMs / small.claimMs).toFixed(2)} times) |
| resident memory with 1,000,000 waiting in SQLite | ${large.residentMb.toFixed(0)} MB |
`

const json = { machine, samples, ratios, burst, backlog: [small, large] }
writeFileSync(new URL('./RESULTS.md', import.meta.url), report)
writeFileSync(new URL('./results.json', import.meta.url), `${JSON.stringify(json, null, 2)}\n`)
console.log(report)
