import pg from 'pg'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { type OpenContender, poolSize } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

export const open: OpenContender = async (place) => {
  const pool = new pg.Pool({ connectionString: place.databaseUrl, max: poolSize })
  pool.on('error', () => {})
  const storage = postgresStorage({ pool, schema: place.namespace })
  return openWebhooks(place, { storage }, () => pool.end())
}
