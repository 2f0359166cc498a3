/**
 * Emitters and workers in processes of their own, woken through a broker: some are killed, and the
 * broker forgets everything, dies and comes back in the middle of it.
 */
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { describe, expect, test } from 'vitest'
import { repeatedly } from '../../src/storage/postgres/database.ts'
import { type RandomKills, type RandomKillsReport, runRandomKills } from '../crash/random-kills.ts'
import { keepReport } from '../crash/report.ts'
import { startPostgres } from '../storage/postgres-server.ts'
import { hasRedis, startRedis } from './redis-server.ts'

const run = {
  ...{ seed: 11, store: 'sqlite', events: 200, endpoints: 2, emitters: 2, workers: 3 },
  ...{ restMs: 150, slowestMs: 20, emitterKills: 0, serverCrashes: 0 },
} satisfies Partial<RandomKills>

function expectKept(report: RandomKillsReport): void {
  const { duplicates, inFlightAtKills, unanswered, committed } = report.figures
  expect(report).toMatchObject({ breaches: [], accidents: [] })
  expect(report.figures).toMatchObject({ lost: 0, refused: 0 })
  expect(committed).toBeGreaterThan(60)
  expect(duplicates).toBeLessThanOrEqual(inFlightAtKills + unanswered)
}

// Most of the time goes by in waiting for the leases of the dead: so all at once.
describe.skipIf(!hasRedis).concurrent('with BullMQ', () => {
  test.for([0, 3])(
    'Redis is flushed, shut down and restarted, and %i workers die: nothing is lost',
    { timeout: 120_000 },
    async (workerKills, { onTestFinished }) => {
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      const restart = async () => {
        await redis.shutDown()
        await redis.start()
      }
      const scheduler = { kind: 'bullmq', port: redis.port } as const
      const report = await runRandomKills({ ...run, workerKills, scheduler }, [
        ...[redis.flush, redis.flush, restart, redis.flush],
      ])
      keepReport(`bullmq-${workerKills}-kills`, report)
      expectKept(report)
    },
  )
})

describe.concurrent('with pg-boss', () => {
  test.for([3])(
    'its connections end, its schema goes and comes, and %i workers die: nothing is lost',
    { timeout: 120_000 },
    async (workerKills, { onTestFinished }) => {
      const server = await startPostgres()
      onTestFinished(() => server.stop())
      const { connectionString } = server

      async function query(text: string): Promise<void> {
        const client = new pg.Client({ connectionString })
        await client.connect()
        try {
          await client.query(text)
        } finally {
          await client.end()
        }
      }
      const endConnections = () =>
        query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
      async function dropSchema(): Promise<void> {
        // Of those that are at work on its tables and us, one may have to yield.
        await repeatedly(() => query('DROP SCHEMA IF EXISTS pgboss CASCADE'))
        await startBoss()
      }
      async function startBoss(): Promise<void> {
        const boss = new PgBoss({ connectionString, supervise: false, schedule: false })
        boss.on('error', () => {})
        await boss.start()
        await boss.stop({ graceful: false })
      }
      await startBoss()
      const scheduler = { kind: 'pg-boss', connectionString } as const
      const report = await runRandomKills({ ...run, workerKills, scheduler }, [
        ...[endConnections, dropSchema, endConnections, dropSchema],
      ])
      keepReport(`pg-boss-${workerKills}-kills`, report)
      expectKept(report)
    },
  )
})
