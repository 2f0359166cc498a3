import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import { testScheduler } from '../../src/testing/index.ts'
import { hasRedis, howToInstallRedis, type RedisServer, startRedis } from './redis-server.ts'

if (!hasRedis) console.warn(`bullmqScheduler is NOT TESTED here, for ${howToInstallRedis}`)

test.runIf(!hasRedis && process.env.CI === 'true')('CI tests bullmqScheduler', () => {
  expect.unreachable(howToInstallRedis)
})

describe.skipIf(!hasRedis)('bullmqScheduler', () => {
  let redis: RedisServer
  let queues = 0

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  testScheduler({
    describe,
    test,
    createScheduler({ longestSleepMs }) {
      queues += 1
      const options = {
        connection: { host: '127.0.0.1', port: redis.port },
        queueName: `test-${queues}`,
        sweepIntervalMs: longestSleepMs,
      }
      let isCut = false
      const mend = async () => {
        if (isCut) await redis.start()
        isCut = false
      }
      return {
        scheduler: bullmqScheduler(options),
        another: () => bullmqScheduler(options),
        forget: () => redis.flush(),
        async cut() {
          isCut = true
          await redis.shutDown()
        },
        mend,
        close: mend,
      }
    },
    capabilities: { shared: true, broker: true },
  })
})
