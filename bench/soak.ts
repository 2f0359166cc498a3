/**
 * `npm run soak`: ten minutes at half load on Postgres, and a day compressed to ten minutes under
 * virtual time, one after the other. Writes bench/SOAK.md. `--minutes 1` for a shorter look.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { entries } from './contenders/index.ts'
import { describeMachine } from './machine.ts'
import type { ReceiverCalls } from './receiver.ts'
import { describe, verdictTable } from './report.ts'
import { startPeer } from './rpc.ts'
import { Runner } from './runs.ts'
import { startServers } from './servers/index.ts'
import type { SoakCalls } from './soak/child.ts'
import { growth, looksPerPart, type SoakResult } from './soak/memory-track.ts'
import { judge } from './verdicts.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const durationMs = Number(values.minutes) * 60_000

const postgresOnly = entries.filter(({ name }) => name === 'postgres')
const receiver = startPeer<ReceiverCalls>('./receiver.ts')
const { url } = await receiver.call('listen', undefined)
const servers = await startServers(postgresOnly, url)
const folder = mkdtempSync(join(tmpdir(), 'webhooks-soak-'))
const place = {
  receiverUrl: url,
  databaseUrl: servers.postgres?.url ?? '',
  redisPort: 0,
  namespace: 'soak',
  folder,
}

try {
  const machine = describeMachine(servers)
  const full = await fullLoad()
  console.error(`full load: ${Math.round(full)} deliveries per second`)
  await receiver.call('expect', { count: Number.MAX_SAFE_INTEGER })
  const real = await inChild((child) =>
    child.call('real', { place, durationMs, perSecond: full / 2 }),
  )
  const virtual = await inChild((child) => child.call('virtual', { place, durationMs }))
  const verdicts = [
    ...judgeSoak(`${values.minutes} minutes at half load on Postgres`, real),
    ...judgeSoak(`24 hours in ${values.minutes} minutes of virtual time on SQLite`, virtual),
  ]
  const text = `# Soak

Written by \`npm run soak\`. ${describe(machine)}

Memory is that of the sending process, read ${looksPerPart} times in each tenth of the run after a collection of
garbage, the median of each tenth. **Live** is what the process holds: the heap's objects and the
buffers outside of it. **Resident** is what the system has given it. Judged is the most of any tenth
after the first one, against the second.

${verdictTable(verdicts)}

- Half load: ${full.toFixed(0)} deliveries per second were possible; ${sentence(real)}
- Virtual time: ${sentence(virtual)}
`
  console.log(text)
  if (durationMs >= 600_000) writeFileSync(new URL('./SOAK.md', import.meta.url), text)
} finally {
  await servers.stop()
  await receiver.end()
  rmSync(folder, { recursive: true, force: true })
}

/** What the machine can bear, after a run that warms up. */
async function fullLoad(): Promise<number> {
  const [entry] = postgresOnly
  if (entry === undefined) throw new Error('There is no contender on Postgres')
  // One process: the one that is measured is the one that has warmed up.
  const runner = new Runner({ ...entry, shared: false }, servers, receiver)
  const { perSecond } = await runner.run('live', 3_000)
  const sample = await runner.run('live', Math.ceil(perSecond * 4))
  await runner.end()
  return sample.perSecond
}

async function inChild(
  run: (child: ReturnType<typeof startPeer<SoakCalls>>) => Promise<SoakResult>,
): Promise<SoakResult> {
  const child = startPeer<SoakCalls>('./soak/child.ts', { execArgv: ['--expose-gc'] })
  try {
    return await run(child)
  } finally {
    await child.end()
  }
}

function judgeSoak(what: string, { memory }: SoakResult) {
  return (['live', 'resident'] as const).map((kind) =>
    judge(`${what}, ${kind} memory after the first minute`, { atMost: 1.1 }, growth(memory[kind])),
  )
}

function sentence({ events, deliveries, memory }: SoakResult): string {
  const [live, resident] = [memory.live, memory.resident].map((parts) =>
    parts.map((mb) => mb.toFixed(0)).join(', '),
  )
  return `${events} events, ${deliveries} deliveries that succeeded; live ${live} MB, resident ${resident} MB.`
}
