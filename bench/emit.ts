import * as z from 'zod'
import { createWebhooks, defineEvents } from '../src/index.ts'
import { sqliteStorage } from '../src/storage/sqlite/index.ts'
import { removeDatabase, temporaryDatabase } from './throughput.ts'

const events = defineEvents({ 'bench.event': z.object({ text: z.string() }) })

/** How long the slowest of many emits made at once takes, on a new SQLite file. */
export async function emitBurst(count: number): Promise<{ count: number; slowestMs: number }> {
  const path = temporaryDatabase()
  const webhooks = createWebhooks({ events, storage: sqliteStorage({ path }) })
  await webhooks.events.list()
  const start = performance.now()
  const times = await Promise.all(
    Array.from({ length: count }, async () => {
      await webhooks.emit('bench.event', { text: 'x'.repeat(920) })
      return performance.now() - start
    }),
  )
  await webhooks.stop()
  removeDatabase(path)
  return { count, slowestMs: Math.max(...times) }
}
