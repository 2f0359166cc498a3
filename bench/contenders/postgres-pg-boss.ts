import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { type OpenContender, poolSize } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

export const open: OpenContender = async (place) => {
  const connectionString = place.databaseUrl
  const pool = new pg.Pool({ connectionString, max: poolSize })
  pool.on('error', () => {})
  const boss = new PgBoss({
    ...{ connectionString, schema: `${place.namespace}_boss` },
    ...{ useListenNotify: true, schedule: false },
  })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  const storage = postgresStorage({ pool, schema: place.namespace, listen: false })
  return openWebhooks(place, { storage, scheduler: pgBossScheduler({ boss }) }, async () => {
    await boss.stop({ graceful: true, timeout: 10_000 })
    await pool.end()
  })
}
