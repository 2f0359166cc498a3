import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWebhooks, memoryStorage } from '../../src/index.ts'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'
import { testScheduler } from '../../src/testing/index.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'
import { events } from '../support.ts'

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

  test('its jobs say nothing of what there is to do', async () => {
    const queueName = 'what-stands-there'
    const webhooks = createWebhooks({
      events,
      storage: memoryStorage(),
      scheduler: pgBossScheduler({ boss, queueName }),
      addressGuard: { allow: ['127.0.0.0/8'] },
    })
    await webhooks.endpoints.create({ url: 'http://127.0.0.1:9999/canary', events: ['*'] })
    for (let round = 0; round < 100; round += 1) {
      await webhooks.emit('order.paid', { orderId: 'canary' }, { tenantId: 'canary' })
    }
    await webhooks.stop()
    const jobs = await boss.findJobs(queueName, { queued: true })
    expect(jobs).toHaveLength(1)
    expect(JSON.stringify(jobs)).not.toMatch(/canary|evt_|ep_|dlv_|whsec_/)
  })

  test.each([
    ['no boss', { boss: undefined }],
    ['a boss that is none', { boss: {} }],
    [
      'to ask more often than pg-boss allows',
      { boss: { send() {}, work() {} }, pollIntervalMs: 100 },
    ],
  ])('refuses %s', (_, options) => {
    expect(() => pgBossScheduler(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })

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
