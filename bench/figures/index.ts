/** The figures beside throughput. A new one is a file beside this one and an entry here. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Effort } from '../options.ts'
import { startPeer } from '../rpc.ts'
import type { Servers } from '../servers/index.ts'
import type { Verdict } from '../verdicts.ts'
import type { FigureCalls } from './child.ts'

const files = ['emit-burst']

export async function measureFigures(servers: Servers, effort: Effort): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const file of files) {
    console.error(`figure: ${file}`)
    verdicts.push(...(await measureFigure(file, servers, effort)))
  }
  return verdicts
}

async function measureFigure(file: string, servers: Servers, effort: Effort): Promise<Verdict[]> {
  const child = startPeer<FigureCalls>('./figures/child.ts')
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-bench-'))
  const namespace = `bench_${file.replaceAll('-', '_')}`
  const place = {
    receiverUrl: servers.receiverUrl,
    databaseUrl: servers.postgres?.url ?? '',
    redisPort: servers.redis?.port ?? 0,
    namespace,
    folder,
  }
  try {
    return await child.call('measure', { file, bench: { place, effort } })
  } finally {
    await child.end()
    rmSync(folder, { recursive: true, force: true })
    await servers.postgres?.remove(namespace)
    await servers.postgres?.settle()
  }
}
