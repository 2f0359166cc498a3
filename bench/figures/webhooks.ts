import pg from 'pg'
import * as z from 'zod'
import { createWebhooks, defineEvents, type Limits, type Storage } from '../../src/index.ts'
import { monotonicMs } from '../clock.ts'
import { data, type Place } from '../contenders/contender.ts'

const payload = z.object({ text: z.string(), sentAtMs: z.number() })

/** Two types, so that endpoints can be told apart. */
const events = defineEvents({ 'bench.event': payload, 'bench.other': payload })

export function benchWebhooks(storage: Storage, limits: Partial<Limits> = {}) {
  return createWebhooks({ events, storage, limits, addressGuard: { allow: ['127.0.0.0/8'] } })
}

/** A payload of 1 KB that tells when it was made. */
export function newData(): z.infer<typeof payload> {
  return { ...data, sentAtMs: monotonicMs() }
}

/** A pool whose connections are made already, as those of a process at work are. */
export async function warmPool({ databaseUrl }: Place, size: number): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: size })
  pool.on('error', () => {})
  await Promise.all(Array.from({ length: size }, () => pool.query('SELECT pg_sleep(0.05)')))
  return pool
}
