import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Servers } from './servers/index.ts'
import { postgresSettings } from './servers/postgres.ts'

/** What the figures were measured on. */
export interface Machine {
  date: string
  node: string
  system: string
  cpu: string
  cores: number
  memoryGb: number
  /** What waited for a core before the bench began: what else was running. */
  load: number
  postgres: { version: string; settings: Record<string, string> } | null
  redis: string | null
}

export function describeMachine(servers: Servers): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${type()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    load: loadavg()[0] ?? 0,
    postgres: servers.postgres && {
      version: servers.postgres.version,
      settings: postgresSettings,
    },
    redis: servers.redis?.version ?? null,
  }
}
