/** The figures beside throughput. A new one is a file beside this one and an entry here. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Effort } from '../options.ts'
import { startPeer } from '../rpc.ts'
import type { Postgres } from '../servers/postgres.ts'
import type { Verdict } from '../verdicts.ts'
import type { FigureCalls } from './child.ts'

const files = [
  'emit-burst',
  'emit-in-sequence',
  'latency',
  'fan-out',
  'dead-endpoint',
  'sqlite-backlog',
  'postgres-backlog',
]

/** @param only - Names of figures; all of them by default. */
export async function measureFigures(
  postgres: Postgres,
  effort: Effort,
  only: string[] = files,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const file of files.filter((name) => only.includes(name))) {
    console.error(`figure: ${file}`)
    const found = await measureFigure(file, postgres, effort)
    for (const { figure, measured } of found) console.error(`  ${figure}: ${measured}`)
    verdicts.push(...found)
  }
  return verdicts
}

async function measureFigure(file: string, postgres: Postgres, effort: Effort): Promise<Verdict[]> {
  const child = startPeer<FigureCalls>('./figures/child.ts')
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-bench-'))
  const namespace = `bench_${file.replaceAll('-', '_')}`
  const place = { receiverUrl: '', databaseUrl: postgres.url, redisPort: 0, namespace, folder }
  try {
    const bench = { place, effort, postgresPid: postgres.pid }
    return await child.call('measure', { file, bench })
  } finally {
    await child.end()
    rmSync(folder, { recursive: true, force: true })
    await postgres.remove(namespace)
    await postgres.settle()
  }
}
