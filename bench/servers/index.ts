import type { Entry } from '../contenders/index.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { type RedisServer, startRedis } from './redis.ts'
import type { BenchServer } from './server.ts'

/** What runs beside the contenders. */
export interface Servers {
  receiverUrl: string
  postgres: Postgres | null
  redis: RedisServer | null
  /** Whether everything that the contender needs is there. */
  suffice(entry: Entry): boolean
  /** The servers that do a part of the contender's work. */
  of(entry: Entry): BenchServer[]
  stop(): Promise<void>
}

/** Starts what these contenders need. */
export async function startServers(entries: Entry[], receiverUrl: string): Promise<Servers> {
  const isNeeded = (name: 'postgres' | 'redis') => entries.some(({ needs }) => needs.includes(name))
  const postgres = isNeeded('postgres') ? await startPostgres() : null
  const redis = isNeeded('redis') ? await startRedis() : null
  const known = { postgres, redis }
  return {
    receiverUrl,
    postgres,
    redis,
    suffice: ({ needs }) => needs.every((name) => known[name] !== null),
    of: ({ needs }) => needs.map((name) => known[name]).filter((server) => server !== null),
    async stop() {
      await postgres?.stop()
      await redis?.stop()
    },
  }
}
