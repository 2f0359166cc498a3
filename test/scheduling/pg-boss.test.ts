import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'
import { testScheduler } from '../../src/testing/index.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'

describe('pgBossScheduler', () => {
  let server: PostgresServer
  let boss: PgBoss
  let queues = 0
  let isCut = false

  beforeAll(async () => {
    server = await startPostgres()
    boss = await startBoss(server)
  }, 60_000)
  afterAll(async () => {
    await boss?.stop({ graceful: false })
    await server?.stop()
  })

  async function startBoss({ connectionString }: PostgresServer): Promise<PgBoss> {
    const pool = server.pool({ max: 5 })
    const started = new PgBoss({
      connectionString,
      useListenNotify: true,
      supervise: false,
      schedule: false,
      db: {
        // The network between pg-boss and its server.
        async executeSql(text, values) {
          if (isCut) throw new Error('connect ECONNREFUSED')
          return pool.query(text, values as unknown[])
        },
      },
    })
    started.on('error', () => {})
    return started.start()
  }

  testScheduler({
    describe,
    test,
    createScheduler({ longestSleepMs }) {
      queues += 1
      const queueName = `test-${queues}`
      const create = () =>
        pgBossScheduler({ boss, queueName, sweepIntervalMs: longestSleepMs, pollIntervalMs: 500 })
      const mend = async () => {
        isCut = false
      }
      return {
        scheduler: create(),
        another: create,
        async forget() {
          await boss.deleteAllJobs(queueName)
        },
        async cut() {
          isCut = true
        },
        mend,
        close: mend,
      }
    },
    capabilities: { shared: true, broker: true },
  })
})
