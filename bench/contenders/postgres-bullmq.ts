import pg from 'pg'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { type OpenContender, poolSize } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

export const open: OpenContender = async (place) => {
  const pool = new pg.Pool({ connectionString: place.databaseUrl, max: poolSize })
  pool.on('error', () => {})
  const storage = postgresStorage({ pool, schema: place.namespace, listen: false })
  const connection = { host: '127.0.0.1', port: place.redisPort }
  const scheduler = bullmqScheduler({ connection, queueName: place.namespace })
  return openWebhooks(place, { storage, scheduler }, () => pool.end())
}
