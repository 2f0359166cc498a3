import { setTimeout as sleep } from 'node:timers/promises'
import { PgBoss } from 'pg-boss'
import { pollingScheduler, type Scheduler } from '../../src/index.ts'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'

/** Who wakes the workers of a run, and where that service is. */
export type CrashScheduler =
  | { kind: 'polling' }
  | { kind: 'bullmq'; port: number }
  | { kind: 'pg-boss'; connectionString: string }

export interface OpenScheduler {
  scheduler: Scheduler
  close(): Promise<void>
}

const sweepIntervalMs = 1_000

export async function openScheduler(given: CrashScheduler): Promise<OpenScheduler> {
  if (given.kind === 'polling') return { scheduler: pollingScheduler(), close: async () => {} }
  if (given.kind === 'bullmq') {
    const connection = { host: '127.0.0.1', port: given.port }
    return { scheduler: bullmqScheduler({ connection, sweepIntervalMs }), close: async () => {} }
  }
  const boss = await startBoss(given.connectionString)
  return {
    scheduler: pgBossScheduler({ boss, sweepIntervalMs, pollIntervalMs: 500 }),
    close: () => boss.stop({ graceful: false }),
  }
}

/** A supervisor would start the process again until its database is there. */
async function startBoss(connectionString: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, max: 2, useListenNotify: true, supervise: false })
  boss.on('error', () => {})
  try {
    return await boss.start()
  } catch {
    await boss.stop({ graceful: false }).catch(() => {})
    await sleep(100)
    return startBoss(connectionString)
  }
}
