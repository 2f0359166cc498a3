import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresPool, postgresStorage } from '../../src/storage/postgres/index.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server?.stop())

/** A way to the server whose connections can be cut without a word to either end. */
async function startWay() {
  const target = new URL(server.connectionString)
  const sockets: Socket[] = []
  const way = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    near.pipe(far)
    far.pipe(near)
    for (const socket of [near, far]) socket.on('error', () => {})
    sockets.push(near, far)
  }).listen(0, '127.0.0.1')
  await once(way, 'listening')
  const url = new URL(target)
  url.port = String((way.address() as AddressInfo).port)
  return {
    connectionString: url.toString(),
    cut() {
      for (const socket of sockets.splice(0)) socket.unpipe().resume()
    },
    close: () => way.close(),
  }
}

/** What the statements of ours say of their time limit, by a piece of them; and a hundredth of it. */
function hurrying(pool: pg.Pool, limits: Map<string, number | undefined>): PostgresPool {
  return {
    connect: () => pool.connect(),
    query(statement) {
      const { query_timeout: limit } = statement
      const [, name = ''] = /"\.(\w+)\(/.exec(statement.text) ?? []
      limits.set(name, limit)
      return pool.query(
        Object.assign({}, statement, limit === undefined ? {} : { query_timeout: limit / 100 }),
      )
    },
  }
}

describe('a connection that was cut without a word', () => {
  test('is a fault, and gives its place in the pool to another', async () => {
    const way = await startWay()
    const pool = server.pool({ connectionString: way.connectionString, max: 2 })
    const limits = new Map<string, number | undefined>()
    const schema = server.newSchema()
    const storage = postgresStorage({ pool: hurrying(pool, limits), schema, listen: false })
    await storage.open()
    const ask = () => storage.nextDueAt({ exclude: [] })
    await Promise.all([ask(), ask()])
    expect(pool.totalCount).toBe(2)
    way.cut()
    for (const answer of await Promise.allSettled([ask(), ask()])) {
      expect(answer.status).toBe('rejected')
      const { reason } = answer as PromiseRejectedResult
      expect(storage.explainFault(reason)?.code).toBe('storage_unreachable')
    }
    expect(await ask()).toBeNull()
    await storage.close()
    way.close()
  })

  test('counts as that after half a minute, and sooner where the pool says so', async () => {
    const limits = new Map<string, number | undefined>()
    const schema = server.newSchema()
    const pool = server.pool()
    const storage = postgresStorage({ pool: hurrying(pool, limits), schema, listen: false })
    await storage.open()
    const before = new Date()
    await storage.nextDueAt({ exclude: [] })
    await storage.prune({ before, limit: 1 })
    expect(limits.get('next_due_at')).toBe(30_000)
    expect(limits.get('prune')).toBeUndefined()
    const own = Object.assign(hurrying(pool, limits), { options: { query_timeout: 500 } })
    await postgresStorage({ pool: own, schema, listen: false }).nextDueAt({ exclude: [] })
    expect(limits.get('next_due_at')).toBeUndefined()
    await storage.close()
  })
})
