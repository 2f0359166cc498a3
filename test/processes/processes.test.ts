import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { type Clock, createWebhooks, defineEvents, type Webhooks } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { migrations } from '../../src/storage/postgres/schema/migrations.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'
import { hostClock, Inbox } from './host.ts'

/**
 * Several instances on one database, each with connections of its own and with a clock of its own,
 * as several processes on several machines have them. (What only a real process can do is to die:
 * see test/crash.)
 */

const events = defineEvents({ 'process.probe': z.object({ number: z.number() }) })

/** A second of ours is ten of theirs. */
const speed = 10
/** How far the clocks of three hosts are off. */
const skewsMs = [-4_000, 0, 4_000]

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres(['-c', 'deadlock_timeout=100ms'])
}, 60_000)
afterAll(() => server?.stop(), 60_000)

interface Process {
  webhooks: Webhooks<typeof events, unknown>
  clock: Clock
  emit(count: number): Promise<string[]>
}

/** A database, and how a process connects to it. */
type Connect = () => Storage<unknown>

const databases: Record<string, () => Connect> = {
  Postgres() {
    const schema = server.newSchema()
    return () => postgresStorage({ pool: server.pool({ max: 4 }), schema })
  },
  SQLite() {
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-processes-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    return () => sqliteStorage({ path: join(folder, 'webhooks.db'), synchronous: 'normal' })
  },
}

/** Three processes at work on a new database. */
async function startProcesses(
  connect: Connect,
  inbox: Inbox,
): Promise<[Process, Process, Process]> {
  const processes = skewsMs.map((aheadMs): Process => {
    const clock = hostClock({ aheadMs, speed })
    const transport = inbox.transport(clock)
    const webhooks = createWebhooks({ events, clock, transport, storage: connect() })
    return {
      webhooks,
      clock,
      async emit(count) {
        const numbers = Array.from({ length: count }, (_, number) => number)
        const emitted = numbers.map((number) => webhooks.emit('process.probe', { number }))
        return (await Promise.all(emitted)).map(({ id }) => id)
      },
    }
  })
  // The last to be done first: before the folder is gone.
  onTestFinished(async () => {
    for (const { webhooks } of processes) await webhooks.stop()
  })
  for (const { webhooks } of processes) await webhooks.start()
  return processes as [Process, Process, Process]
}

function createEndpoint({ webhooks }: Process, options: { rateLimit?: Rate } = {}) {
  return webhooks.endpoints.create({ url: 'https://receiver.example/', events: ['*'], ...options })
}

type Rate = { limit: number; intervalMs: number }

const patient = { timeout: 30_000, interval: 20 }

async function drained({ webhooks }: Process): Promise<void> {
  await vi.waitFor(async () => expect((await webhooks.stats()).backlog).toBe(0), patient)
}

describe.each(Object.keys(databases))(
  'three processes on one %s, with clocks that differ',
  (name) => {
    const connect = () => (databases[name] as () => Connect)()

    test('deliver everything once, also what takes longer than half of a lease', async () => {
      const inbox = new Inbox()
      const processes = await startProcesses(connect(), inbox)
      await createEndpoint(processes[0])
      inbox.answer = async () => {
        if (inbox.receipts.length % 20 === 0) await sleep(35_000 / speed)
        return { status: 200 }
      }
      const emitted = await Promise.all(processes.map(({ emit }) => emit(30)))
      await vi.waitFor(() => expect(inbox.receipts.length).toBeGreaterThanOrEqual(90), patient)
      await drained(processes[1])
      expect(inbox.eventIds.sort()).toEqual(emitted.flat().sort())
      const { items } = await processes[1].webhooks.deliveries.list({ limit: 100 })
      expect(items.map(({ attempts }) => attempts)).toEqual(items.map(() => 1))
    }, 60_000)

    test('all hold a pause that a receiver asked one of them for', async () => {
      const inbox = new Inbox()
      const processes = await startProcesses(connect(), inbox)
      const { id } = await createEndpoint(processes[0])
      inbox.answer = () => ({ status: 503, headers: { 'retry-after': '30' } })
      await processes[0].emit(1)
      const pausedUntil = await vi.waitFor(async () => {
        const endpoint = await processes[2].webhooks.endpoints.get(id)
        return endpoint.pausedUntil ?? expect.unreachable('it is not paused yet')
      }, patient)
      inbox.answer = () => ({ status: 200 })
      const before = inbox.receipts.length
      await Promise.all(processes.map(({ emit }) => emit(10)))
      await vi.waitFor(() => expect(inbox.receipts.length).toBe(before + 31), patient)
      // Each by its own clock.
      for (const { at } of inbox.receipts.slice(before)) {
        expect(at.getTime()).toBeGreaterThanOrEqual(pausedUntil.getTime())
      }
    }, 60_000)

    test('keep a rate limit together', async () => {
      const inbox = new Inbox()
      const processes = await startProcesses(connect(), inbox)
      await createEndpoint(processes[0], { rateLimit: { limit: 5, intervalMs: 10_000 } })
      const began = processes[1].clock.now().getTime()
      await Promise.all(processes.map(({ emit }) => emit(8)))
      await vi.waitFor(() => expect(inbox.receipts).toHaveLength(24), patient)
      // Five at once and one each two seconds; the clocks that differ lend their difference once.
      const tookMs = processes[1].clock.now().getTime() - began
      expect(tookMs).toBeGreaterThanOrEqual((24 - 5) * 2_000 - 8_000)
      expect(new Set(inbox.eventIds).size).toBe(24)
    }, 60_000)

    test.each([
      [
        'a host',
        async ({ webhooks }: Process, id: string) => void (await webhooks.endpoints.disable(id)),
      ],
      [
        'a receiver that is gone',
        async ({ webhooks, emit }: Process, id: string, inbox: Inbox) => {
          inbox.answer = () => ({ status: 410 })
          await emit(1)
          const off = async () => expect((await webhooks.endpoints.get(id)).active).toBe(false)
          await vi.waitFor(off, patient)
        },
      ],
    ] as const)(
      'all leave an endpoint alone that %s switched off through one of them',
      async (_, off) => {
        const inbox = new Inbox()
        const processes = await startProcesses(connect(), inbox)
        const { id } = await createEndpoint(processes[1])
        await processes[2].emit(3)
        await vi.waitFor(() => expect(inbox.receipts).toHaveLength(3), patient)
        await off(processes[0], id, inbox)
        const before = inbox.receipts.length
        await Promise.all(processes.map(({ emit }) => emit(5)))
        const others = { url: 'https://other.example/', events: ['*'] }
        await processes[2].webhooks.endpoints.create(others)
        inbox.answer = () => ({ status: 200 })
        const later = await Promise.all(processes.map(({ emit }) => emit(1)))
        const toOthers = () => inbox.receipts.filter(({ url }) => url === others.url)
        await vi.waitFor(() => expect(toOthers().length).toBeGreaterThanOrEqual(3), patient)
        await drained(processes[0])
        expect(inbox.receipts).toHaveLength(before + 3)
        expect(
          toOthers()
            .map(({ eventId }) => eventId)
            .sort(),
        ).toEqual(later.flat().sort())
      },
      60_000,
    )
  },
)

test('a release migrates while processes of the one before are at work', async () => {
  const schema = server.newSchema()
  const inbox = new Inbox()
  const connect = () => postgresStorage({ pool: server.pool({ max: 4 }), schema })
  const processes = await startProcesses(connect, inbox)
  const faults: unknown[] = []
  for (const { webhooks } of processes) {
    webhooks.on('storage.failed', ({ error }) => void faults.push(error))
  }
  await createEndpoint(processes[0])

  const emitted: string[] = []
  let isOver = false
  const emitting = processes.map(async ({ emit }) => {
    while (!isOver) emitted.push(...(await emit(5)))
  })
  await vi.waitFor(() => expect(inbox.receipts.length).toBeGreaterThan(30), patient)
  // The next release: tables in an order of its own, a new column, a function with another body.
  const next = migrations as (typeof migrations)[number][]
  const current = next.length
  onTestFinished(() => void next.splice(current))
  next.push(
    ({ schema }) => `
      ALTER TABLE ${schema}.lanes ADD COLUMN next_release text;
      ALTER TABLE ${schema}.schedule ADD COLUMN next_release text;
      ALTER TABLE ${schema}.deliveries ADD COLUMN next_release text DEFAULT 'new';
      ALTER TABLE ${schema}.endpoints ADD COLUMN next_release text;
      ALTER TABLE ${schema}.events ADD COLUMN next_release text;
      CREATE INDEX ON ${schema}.deliveries (next_release);
      CREATE OR REPLACE FUNCTION ${schema}.next_due_at(p_exclude text[]) RETURNS bigint
        LANGUAGE sql AS 'SELECT 0::bigint';`,
  )
  await Promise.all([connect(), connect(), connect()].map((storage) => storage.migrate()))
  const seen = inbox.receipts.length
  await vi.waitFor(() => expect(inbox.receipts.length).toBeGreaterThan(seen + 30), patient)
  isOver = true
  await Promise.all(emitting)
  await drained(processes[0])
  expect(inbox.eventIds.sort()).toEqual(emitted.sort())
  expect(faults).toEqual([])
  const newest = `SELECT max(version) AS version, count(*) FROM "${schema}".migrations`
  const { rows } = await server.pool().query(newest)
  expect(rows).toEqual([{ version: current + 1, count: String(current + 1) }])
}, 60_000)
