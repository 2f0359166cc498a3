import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWebhooks } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'
import { events } from '../support.ts'
import { run, scratch } from './support.ts'

const files = scratch()

/** What a hostile receiver answers: colours, a window title, text turned around. */
const hostile = 'no \u001b[31mred\u001b]0;owned\u0007 \u202etxt.exe'

/** Emits to an endpoint whose receiver refuses everything, until all of it has failed. */
async function fail(storage: Storage, count: number) {
  const receiver = createServer((_, response) => response.writeHead(500).end(hostile))
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const { port } = receiver.address() as AddressInfo
  const webhooks = createWebhooks({
    events,
    storage,
    addressGuard: { allow: ['127.0.0.1'] },
    retry: { delaysMs: [0] },
  })
  await webhooks.start()
  const url = `http://127.0.0.1:${port}/`
  const { id } = await webhooks.endpoints.create({ url, events: ['*'], tenantId: 't1' })
  await webhooks.emitMany(
    Array.from({ length: count }, (_, index) => ({
      type: 'order.paid' as const,
      data: { orderId: `o-${index}` },
      tenantId: 't1',
    })),
  )
  while ((await webhooks.stats({ tenantId: 't1' })).backlog > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await webhooks.stop()
  receiver.close()
  return { endpointId: id }
}

describe('an SQLite file', () => {
  const path = files.path('webhooks.db')
  const sqlite = ['--sqlite', path, '--tenant', 't1']
  let endpointId = ''

  beforeAll(async () => {
    expect((await run(['migrate', '--sqlite', path])).code).toBe(0)
    endpointId = (await fail(sqliteStorage({ path }), 3)).endpointId
  })

  async function listed(...args: string[]) {
    const { code, stdout } = await run(['deliveries', ...sqlite, '--json', ...args])
    expect(code).toBe(0)
    return JSON.parse(stdout)
  }

  test('deliveries: by page and condition, for scripts and for people', async () => {
    const first = await listed('--limit', '2', '--status', 'failed', '--endpoint', endpointId)
    expect(first).toMatchObject({ total: 3, items: [{ status: 'failed' }, { status: 'failed' }] })
    const second = await listed('--limit', '2', '--status', 'failed', '--cursor', first.nextCursor)
    expect(second.items).toHaveLength(1)
    expect((await listed('--until', '1h')).total).toBe(0)
    const { stdout, stderr } = await run(['deliveries', ...sqlite, '--since', '1h'])
    expect(stdout.split('\n')[1]).toMatch(
      / dlv_\w+ +failed +1 +order\.paid +ep_\w+ +500 http_status$/,
    )
    expect(stderr).toContain('3 of 3')
  })

  test('a delivery with its attempts; what the receiver answered shows as text', async () => {
    const { items } = await listed('--limit', '1')
    const { code, stdout } = await run(['deliveries', items[0].id, ...sqlite])
    expect(code).toBe(0)
    expect(stdout).toContain('    no \\x1b[31mred\\x1b]0;owned\\x07 \\u202etxt.exe')
    for (const character of '\u001b\u0007\u202e') expect(stdout).not.toContain(character)
    const json = await listed(items[0].id)
    expect(json.attempts[0].response.body).toBe(hostile)
  })

  test('recover counts first, then queues, and nothing is sent from here', async () => {
    const recover = ['recover', ...sqlite, '--endpoint', endpointId, '--since', '1h']
    const counted = await run([...recover, '--dry-run'])
    expect(counted).toMatchObject({ code: 0, stderr: '' })
    expect(counted.stdout).toMatch(/^would be queued: 3 that failed/)
    expect((await listed('--status', 'failed')).total).toBe(3)
    const queued = await run([...recover, '--only', 'all', '--json'])
    expect(JSON.parse(queued.stdout)).toEqual({ failed: 3, missing: 0, dryRun: false })
    expect((await listed('--status', 'pending')).total).toBe(3)
  })

  test('deliveries --retry queues one', async () => {
    const { items } = await listed('--limit', '1')
    const { delivery } = await listed(items[0].id, '--retry')
    expect(delivery.status).toBe('pending')
    const { code, stderr } = await run(['deliveries', ...sqlite, '--retry'])
    expect(stderr).toContain('id_missing')
    expect(code).toBe(2)
  })

  test('what is not there is told apart from a wrong call', async () => {
    const outcome = await run(['deliveries', 'dlv_x', ...sqlite, '--json'])
    expect(outcome.code).toBe(1)
    expect(JSON.parse(outcome.stderr).error.code).toBe('delivery_not_found')
    const recover = ['recover', ...sqlite, '--endpoint', 'ep_\u001b[31m', '--since', '1h']
    const unknown = await run(recover)
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).not.toContain('\u001b')
    expect((await run([...recover.slice(0, -1), 'yesterday'])).code).toBe(2)
    expect((await run(['deliveries', ...sqlite, '--status', 'lost'])).code).toBe(2)
    expect((await run(['deliveries', ...sqlite, '--cursor', 'x'])).code).toBe(2)
  })

  test('a Node without node:sqlite is told apart from a wrong call, with the way out', async () => {
    const env = { NODE_OPTIONS: '--no-experimental-sqlite' }
    for (const command of ['deliveries', 'migrate']) {
      const { code, stderr } = await run([command, '--sqlite', files.path('any.db')], { env })
      expect(stderr).toContain('use Node 22.13 or later (driver_missing)')
      expect(code).toBe(3)
    }
  })

  test('looking creates no file, and no tables in a file of somebody else', async () => {
    const missing = files.path('missing.db')
    expect(await run(['deliveries', '--sqlite', missing])).toMatchObject({ code: 2, stdout: '' })
    expect(existsSync(missing)).toBe(false)
    const foreign = files.path('foreign.db')
    new DatabaseSync(foreign).exec('CREATE TABLE users (name TEXT)')
    expect((await run(['deliveries', '--sqlite', foreign])).stderr).toContain('no webhook database')
    const text = files.path('text.db')
    writeFileSync(text, 'not a database, and long enough to be read as one'.repeat(20))
    expect((await run(['deliveries', '--sqlite', text])).code).toBe(2)
  })
})

describe('Postgres', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(() => server?.stop())

  test('migrate, deliveries and recover, by DATABASE_URL', async () => {
    const schema = server.newSchema()
    const env = { DATABASE_URL: server.connectionString }
    const of = ['--schema', schema, '--tenant', 't1', '--json']
    const before = await run(['deliveries', ...of], { env })
    expect(before.code).toBe(3)
    expect(JSON.parse(before.stderr).error.code).toBe('storage_outdated')
    expect((await run(['migrate', '--schema', schema], { env })).code).toBe(0)
    const { endpointId } = await fail(postgresStorage({ pool: server.pool(), schema }), 2)
    expect(JSON.parse((await run(['deliveries', ...of], { env })).stdout).total).toBe(2)
    const recover = ['recover', ...of, '--endpoint', endpointId, '--since', '1h']
    expect(JSON.parse((await run(recover, { env })).stdout).failed).toBe(2)
  })

  test('migrate --print prints the SQL and needs no database', async () => {
    const { code, stdout } = await run(['migrate', '--print', '--schema', 'hooks'])
    expect(code).toBe(0)
    expect(stdout).toContain('CREATE SCHEMA IF NOT EXISTS')
    await server.pool().query(stdout.replaceAll('hooks', server.newSchema()))
  })

  test('one that cannot be reached is told apart from a wrong call, without its password', async () => {
    const url = 'postgres://user:hunter2@127.0.0.1:1/x'
    const { code, stderr } = await run(['deliveries', '--json'], { env: { DATABASE_URL: url } })
    expect(code).toBe(3)
    expect(JSON.parse(stderr).error.code).toBe('storage_unreachable')
    expect(stderr).not.toContain('hunter2')
  })

  test('no database at all is a wrong call', async () => {
    const { code, stderr } = await run(['migrate'])
    expect(code).toBe(2)
    expect(stderr).toContain('database_missing')
  })
})
