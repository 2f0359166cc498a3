import { Redis } from 'ioredis'
import { PgBoss } from 'pg-boss'
import { expectTypeOf, test } from 'vitest'
import type { Scheduler } from '../../src/index.ts'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'
import { testScheduler } from '../../src/testing/index.ts'

test('a scheduler over BullMQ takes options of ioredis, or a client', () => {
  expectTypeOf(
    bullmqScheduler({ connection: { host: 'redis', port: 6379 } }),
  ).toEqualTypeOf<Scheduler>()
  bullmqScheduler({ connection: { url: 'rediss://redis' }, queueName: 'webhooks' })
  bullmqScheduler({ connection: new Redis({ lazyConnect: true }) })
  // @ts-expect-error Without a connection there is no Redis.
  bullmqScheduler({})
  // @ts-expect-error It is an option that does not exist.
  bullmqScheduler({ connection: {}, pollIntervalMs: 1 })
})

test('a scheduler over pg-boss takes a PgBoss', () => {
  const boss = new PgBoss('postgres://host')
  expectTypeOf(pgBossScheduler({ boss, pollIntervalMs: 500 })).toEqualTypeOf<Scheduler>()
  // @ts-expect-error A pool is no PgBoss.
  pgBossScheduler({ boss: { query() {} } })
})

test('the suite asks for a scheduler and a way to clear up', () => {
  const runner = { describe() {}, test() {} }
  const createScheduler = () => ({ scheduler: bullmqScheduler({ connection: {} }) })
  // @ts-expect-error There is no `close`.
  testScheduler({ ...runner, createScheduler })
})
