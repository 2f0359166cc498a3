import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWebhooks, type Transport } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { events } from '../support.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server?.stop(), 60_000)

const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8')
const [partition = '', drop = ''] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(
  ({ 1: sql = '' }) => sql,
)

const accepting: Transport = {
  send: async () => ({
    response: { status: 204, headers: {}, body: '', bodyTruncated: false },
    error: null,
  }),
  checkUrl: async () => {},
  close: async () => {},
}

test('attempts can be partitioned by time, as docs/scaling.md says', async () => {
  const pool = server.pool()
  const schema = server.newSchema()
  const webhooks = createWebhooks({
    events,
    storage: postgresStorage({ pool, schema }),
    transport: accepting,
  })
  const deliver = async (count: number) => {
    for (let n = 0; n < count; n++) await webhooks.emit('user.created', { userId: 'u' })
    await webhooks.drain({ deadline: new Date(Date.now() + 20_000) })
  }
  const run = (sql: string) => pool.query(sql.replaceAll('webhooks.', `${schema}.`))
  const countIn = async (table: string) =>
    Number((await run(`SELECT count(*) FROM webhooks.${table}`)).rows[0].count)

  await webhooks.endpoints.create({ url: 'https://example.com/hooks', events: ['*'] })
  await deliver(3)
  await sleep(5)

  // The page's months begin where it says; here the next one begins now.
  const [january = '', february = ''] = new Set(partition.match(/dlv_\w+/g))
  const input = { url: 'https://example.com/later', events: ['*'], active: false }
  const { id } = await webhooks.endpoints.create(input)
  const now = id.replace(/^ep_(\w{10}).*$/, 'dlv_$1')
  const later = `dlv_${'z'.repeat(10)}`
  await run(partition.replaceAll(january, now).replaceAll(february, later))
  await deliver(2)

  expect(await countIn('attempts_until_2027')).toBe(3)
  expect(await countIn('attempts_2027_01')).toBe(2)
  expect(await countIn('attempts_later')).toBe(0)
  const { items } = await webhooks.deliveries.list()
  expect(items.map(({ status }) => status)).toEqual(Array(5).fill('succeeded'))
  for (const delivery of items) {
    expect(await webhooks.deliveries.attempts(delivery.id)).toHaveLength(1)
  }
  expect((await webhooks.stats()).attempts.succeeded).toBe(5)

  await run(drop)
  expect(await countIn('attempts')).toBe(2)
  expect(await webhooks.deliveries.attempts(items[4]?.id ?? '')).toEqual([])
  await webhooks.prune({ before: new Date(Date.now() + 1_000) })
  expect(await countIn('attempts')).toBe(0)
  expect((await webhooks.deliveries.list()).total).toBe(0)
  await webhooks.stop()
})
