import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  type Logger,
  type NotificationName,
  type Storage,
} from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { startSdk } from '../opentelemetry/sdk.ts'
import { type PostgresServer, startPostgres } from '../storage/postgres-server.ts'
import { bytesCanary, type Canary, findCanaries, textCanary, writeDown } from './canaries.ts'

/** Bytes that are the same in every run, and look like nothing. */
const bytesOf = (name: string, length = 32) =>
  createHash('sha512').update(name).digest().subarray(0, length)
const numbered = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`)

const keys = numbered(2, 'encryption-key').map((name) => bytesOf(name))
const signingKeys = numbered(14, 'signing').map((name) => bytesOf(name, 24))
const secrets = signingKeys.map((bytes) => `whsec_${bytes.toString('base64')}`)
const headerValues = numbered(14, 'header-canary "q" \\').map((name) => `Bearer ${name}`)
const passwords = numbered(6, 'url-password')
const payloads = numbered(14, 'payload-canary "q" é')

const secretCanaries: Canary[] = [
  ...keys.map((bytes, index) => bytesCanary(`encryption key ${index}`, bytes)),
  ...signingKeys.map((bytes, index) => bytesCanary(`signing secret ${index}`, bytes)),
  ...headerValues.map((text, index) => textCanary(`header value ${index}`, text.slice(7))),
  ...passwords.map((text, index) => textCanary(`password in a URL ${index}`, text)),
]
const payloadCanaries = payloads.map((text, index) => textCanary(`payload field ${index}`, text))
const canaries = [...secretCanaries, ...payloadCanaries]

const events = defineEvents({
  'user.created': z.object({
    token: z.string().refine((text) => !text.includes('refuse'), {
      error: ({ input }) => `refused: ${input}`,
    }),
    nested: z.array(z.object({ token: z.string() })),
    note: z.string(),
  }),
})
const dataOf = (index: number, note = 'harmless-note') => ({
  token: payloads[index] ?? '',
  nested: [{ token: payloads[index + 1] ?? '' }],
  note,
})

/** A receiver that tells everybody what it was told, in every way there is. */
const receiver = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const told = JSON.stringify({
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    })
    answers[request.url ?? '']?.(response, told, request.headers)
  })
})

type Answer = (
  response: ServerResponse,
  told: string,
  headers: NodeJS.Dict<string | string[]>,
) => void
const answers: Record<string, Answer> = {
  '/ok': (response) => response.writeHead(200).end(),
  '/echo': (response, told) => {
    response.setHeader('set-cookie', [`session=${encodeURIComponent(told)}`])
    // A header has room for ASCII alone.
    response.setHeader('x-told', told.replace(/[^ -~]/g, '?'))
    response.writeHead(500).end(`${told}\n${inspect(JSON.parse(told), { depth: 9 })}`)
  },
  '/plain': (response, _, headers) =>
    response.writeHead(400).end(Object.values(headers).flat().join('\n')),
  '/redirect': (response, _, headers) =>
    response.writeHead(302, { location: `/?key=${headers['x-api-key']}` }).end(),
  '/gone': (response, told) => response.writeHead(410).end(told),
  '/busy': (response, told) => response.writeHead(503, { 'retry-after': '1' }).end(told),
  '/reset': (response) => response.socket?.destroy(),
  '/hang': () => {},
  '/garbage': (response, told) => response.socket?.end(`nothing of HTTP ${told}`),
}

/** A storage whose driver fails when told to, and then tells all that it was given. */
function tellingStorage(storage: Storage) {
  const failing = new Set<string>()
  const failed = new Set<string>()
  const telling = new Proxy(storage, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function' || name === 'onWork') return method
      return async (params: unknown) => {
        if (!failing.has(String(name))) return method.call(target, params)
        failed.add(String(name))
        const told = inspect(params, { depth: 9, maxStringLength: null })
        const cause = Object.assign(new Error(`parameters: ${JSON.stringify(params)}`), { params })
        throw Object.assign(new Error(`INSERT failed: ${JSON.stringify(params)}`, { cause }), {
          sql: told,
          detail: JSON.stringify(params),
          parameters: [told],
        })
      }
    },
  })
  /** Lets methods fail that the engine calls, until each of them has. */
  async function failOnce(...methods: string[]): Promise<void> {
    failed.clear()
    for (const method of methods) failing.add(method)
    await vi.waitFor(() => expect([...failed].sort()).toEqual(methods.toSorted()), {
      timeout: 30_000,
    })
    failing.clear()
  }
  return { storage: telling, failing, failOnce }
}

let origin = ''
let folder = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  folder = mkdtempSync(join(tmpdir(), 'webhooks-canaries-'))
})

afterAll(async () => {
  receiver.closeAllConnections()
  await new Promise((resolve) => (receiver as Server).close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

/** Goes through everything, and returns all that anybody was told on the way. */
async function goThrough(
  openStorage: () => Storage,
  encryption: { keys: Uint8Array[] } | undefined,
) {
  const told: string[] = []
  const tell = (value: unknown) => void told.push(writeDown(value))
  const log = (details: object, message: string) => tell([message, details])
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const { storage, failing, failOnce } = tellingStorage(openStorage())
  const sdk = startSdk()
  onTestFinished(() => sdk.stop())
  const telemetry = openTelemetry({ sendTraceparent: true })
  const settings = { events, storage, logger, telemetry, ...(encryption && { encryption }) }
  const webhooks = createWebhooks({
    ...settings,
    addressGuard: { allow: ['127.0.0.1'] },
    retry: { delaysMs: [0, 10], jitter: 0 },
    limits: { timeoutMs: 1_500, leaseMs: 6_500, rotationOverlapMs: 60_000 },
    redact: { payloadPaths: ['token', 'nested.*.token'] },
    signing: { custom: { header: 'x-old-signature' } },
  })
  const names: NotificationName[] = [
    'delivery.succeeded',
    'delivery.attempt.failed',
    'delivery.failed',
    'delivery.cancelled',
    'endpoint.failing',
    'endpoint.disabled',
    'storage.failed',
  ]
  for (const name of names) {
    webhooks.on(name, (notification) => {
      tell(notification)
      throw new Error(`listener: ${inspect(notification, { depth: 9 })}`)
    })
  }
  const failures: string[] = []
  /** Does what must fail. */
  async function fails(code: string, call: () => unknown): Promise<void> {
    try {
      tell(await call())
    } catch (error) {
      tell(error)
      failures.push((error as { code: string }).code)
      expect(error).toMatchObject({ code })
      return
    }
    expect.unreachable(`${code} did not come`)
  }
  const { endpoints } = webhooks
  const headersOf = (index: number) => ({
    Authorization: headerValues[index] ?? '',
    'X-Api-Key': headerValues[index + 1] ?? '',
  })
  const input = (index: number, url = `${origin}/ok`) => ({
    url,
    events: ['*'],
    secret: secrets[index] ?? '',
    headers: headersOf(index),
  })

  // Endpoints for every way to fail; what they return is shown once, and so not told here.
  await webhooks.start()
  const created: string[] = []
  const paths = Object.keys(answers)
  for (const [index, path] of paths.entries()) {
    created.push((await endpoints.create(input(index, origin + path))).id)
  }
  const closed = 'http://127.0.0.1:9999/'
  created.push((await endpoints.create(input(paths.length, closed))).id)
  const [first = ''] = created
  await endpoints.rotateSecret(first, { secret: secrets[12] ?? '' })
  tell(await endpoints.update(first, { headers: headersOf(12), description: 'changed' }))

  // What is refused.
  const [url, withUser] = [
    `http://u:${passwords[0]}@127.0.0.1/`,
    `https://${passwords[1]}@a.example/`,
  ]
  await fails('invalid_url', () => endpoints.create({ ...input(0), url }))
  await fails('invalid_url', () => endpoints.update(first, { url: withUser }))
  await fails('invalid_url', () =>
    endpoints.create({ ...input(0), url: `http://${passwords[2]}:x` }),
  )
  await fails('invalid_url', () =>
    endpoints.update(first, { url: `http//${passwords[3]}@b.example` }),
  )
  await fails('invalid_url', () =>
    endpoints.update(first, { url: `ftp://u:${passwords[4]}@c.example` }),
  )
  await fails('invalid_url', () =>
    endpoints.update(first, { url: `//u:${passwords[5]}@d.example` }),
  )
  const [secret = ''] = secrets
  for (const wrong of [
    `${secret}!`,
    ` ${secret}`,
    `v1,${secret}`,
    secret.slice(0, -4),
    `whpk_${secret}`,
  ]) {
    await fails('invalid_secret', () => endpoints.create({ ...input(1), secret: wrong }))
    await fails('invalid_secret', () => endpoints.rotateSecret(first, { secret: wrong }))
  }
  const [value = ''] = headerValues
  for (const headers of [
    { 'X-Api-Key': `${value}\n` },
    { [`X-Api-Key: ${value}`]: 'x' },
    { Host: value },
    { 'Webhook-Id': value },
    { A: value, a: value },
    [value],
    value,
  ]) {
    const given = { headers: headers as Record<string, string> }
    await fails('invalid_header', () => endpoints.create({ ...input(1), ...given }))
    await fails('invalid_header', () => endpoints.update(first, given))
  }
  for (const key of [
    `${keys[0]?.toString('base64')}A`,
    keys[0]?.toString('hex'),
    keys[0]?.subarray(1),
  ]) {
    await fails('invalid_option', () =>
      createWebhooks({ ...settings, encryption: { keys: [key as string] } }),
    )
  }
  await fails('invalid_payload', () =>
    webhooks.emit('user.created', { ...dataOf(0), note: 1 as never }),
  )
  await fails('invalid_payload', () =>
    webhooks.emit('user.created', { ...dataOf(0), token: `refuse ${payloads[0]}` }),
  )
  await fails('payload_too_large', () =>
    webhooks.emit('user.created', dataOf(0, 'x'.repeat(300_000))),
  )
  await fails('unknown_event', () => webhooks.emit('user.deleted' as never, dataOf(0) as never))

  // A driver that tells what it was given.
  for (const method of ['insertEndpoint', 'updateEndpoint', 'insertEvents', 'insertDeliveries']) {
    failing.add(method)
  }
  await fails('storage_failed', () => endpoints.create(input(2)))
  await fails('storage_failed', () => endpoints.update(first, { headers: headersOf(3) }))
  await fails('storage_failed', () => endpoints.rotateSecret(first, { secret: secrets[4] ?? '' }))
  await fails('storage_failed', () => endpoints.test(first))
  await fails('storage_failed', () => webhooks.emit('user.created', dataOf(2)))
  failing.clear()

  // Attempts of every kind, and a storage that fails in the middle of the work.
  for (const index of [0, 2, 4, 6, 8, 10, 12]) await webhooks.emit('user.created', dataOf(index))
  await failOnce('settleDeliveries')
  await failOnce('claimDeliveries', 'recordHealth')
  for (const id of created) tell(await endpoints.test(id))
  await vi.waitFor(
    async () => {
      for (const endpointId of created) {
        const { items } = await webhooks.deliveries.list({ endpointId, type: 'user.created' })
        expect(items.some(({ attempts }) => attempts > 0)).toBe(true)
      }
    },
    { timeout: 30_000, interval: 200 },
  )
  if (encryption) {
    tell(await endpoints.reencrypt())
    // A process without the key, and one with another.
    const lost = createWebhooks({
      ...settings,
      storage: openStorage(),
      encryption: { keys: [bytesOf('x')] },
    })
    tell(await lost.endpoints.test(first))
    tell(await lost.endpoints.reencrypt())
    tell(lost)
    await lost.stop()
  }

  // Everything that can be read.
  tell(await endpoints.list({ limit: 100 }))
  for (const id of created) tell(await endpoints.get(id))
  for (const { id } of (await webhooks.events.list({ limit: 100 })).items) {
    tell(await webhooks.events.get(id))
  }
  tell(await webhooks.events.list({ limit: 100 }))
  let cursor: string | undefined
  do {
    const page = await webhooks.deliveries.list({ limit: 100, ...(cursor && { cursor }) })
    tell(page)
    for (const { id } of page.items) tell(await webhooks.deliveries.attempts(id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  tell(await webhooks.stats())
  tell(await webhooks.explain('user.created', dataOf(0)))
  tell(await endpoints.disable(created[1] ?? ''))
  await endpoints.delete(created[2] ?? '')
  tell(webhooks)
  // Metrics and traces; before the stop, after which what is waiting is measured no more.
  told.push(await sdk.everything())
  await webhooks.stop()
  return { told: told.join('\n'), failures, created }
}

const sqlite = (path: string) => () => sqliteStorage({ path }) as Storage

function fileBytes(name: string): Buffer {
  const files = readdirSync(folder).filter((file) => file.startsWith(name))
  return Buffer.concat(files.map((file) => readFileSync(join(folder, file))))
}

/** All tables but that of the events, whose bodies are stored as they are sent. */
function dumpWithoutEvents(path: string): string {
  const database = new DatabaseSync(path)
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  const rows = tables
    .map(({ name }) => String(name))
    .filter((name) => name !== 'webhooks_events')
    .map((name) => database.prepare(`SELECT * FROM "${name}"`).all())
  database.close()
  return JSON.stringify(rows)
}

/** Every row of every table of a schema, as `pg_dump` reads them, by table. */
async function dumpPostgres(pool: Pool, schema: string): Promise<Map<string, string>> {
  const { rows } = await pool.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1',
    [schema],
  )
  const dump = new Map<string, string>()
  for (const { name } of rows) {
    const all = await pool.query(`SELECT t::text, row_to_json(t) FROM "${schema}"."${name}" AS t`)
    dump.set(name, JSON.stringify(all.rows))
  }
  return dump
}

describe('fifty canaries', () => {
  test('there are fifty', () => {
    expect(canaries).toHaveLength(50)
  })

  test.each(canaries.map((canary) => [canary.name, canary] as const))(
    'the search finds %s in every form',
    (name, { forms }) => {
      for (const form of forms.filter(({ length }) => length >= 8)) {
        expect(findCanaries(canaries, Buffer.concat([Buffer.from('x'), form]))).toContain(name)
      }
    },
  )

  test('with encryption: none in what anybody is told, nor in the database file', async () => {
    const console = ['log', 'info', 'warn', 'error', 'debug'] as const
    const spies = console.map((method) => vi.spyOn(globalThis.console, method))
    const path = join(folder, 'encrypted.db')
    const { told, failures, created } = await goThrough(sqlite(path), { keys })
    expect(findCanaries(canaries, told)).toEqual([])
    expect(findCanaries(secretCanaries, fileBytes('encrypted.db'))).toEqual([])
    expect(findCanaries(canaries, dumpWithoutEvents(path))).toEqual([])
    // What was told is something: every endpoint, every kind of failure.
    const words = [
      ...created,
      ...['connection_refused', 'connection_reset', 'timeout', 'redirect', 'http_status'].map(
        (code) => `code: '${code}'`,
      ),
      'The storage failed in claimDeliveries',
      'Endpoint health was not recorded',
      'A listener for "storage.failed" threw',
      'A listener for "delivery.attempt.failed" threw',
      'The receiver answered 410',
      'is encrypted with a key that is not among encryption.keys',
      '[redacted]',
      '"ainexlayer.webhooks.backlog',
    ]
    expect(words.filter((word) => !told.includes(word))).toEqual([])
    expect(failures.length).toBeGreaterThan(35)
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled()
      spy.mockRestore()
    }
  }, 60_000)

  test('without encryption: none in what anybody is told, and the search does find them in the file', async () => {
    const path = join(folder, 'plain.db')
    const { told } = await goThrough(sqlite(path), undefined)
    expect(findCanaries(canaries, told)).toEqual([])
    const found = findCanaries(canaries, fileBytes('plain.db'))
    expect(found).toContain('signing secret 3')
    expect(found).toContain('header value 3')
    expect(found).toContain('payload field 3')
    expect(found.filter((name) => name.startsWith('password'))).toEqual([])
    expect(found.filter((name) => name.startsWith('encryption'))).toEqual([])
  }, 60_000)

  describe('on Postgres', () => {
    let postgres: PostgresServer

    beforeAll(async () => {
      postgres = await startPostgres()
    }, 120_000)
    afterAll(() => postgres.stop())

    async function goThroughPostgres(encryption: { keys: Uint8Array[] } | undefined) {
      const schema = postgres.newSchema()
      const pool = postgres.pool()
      const openStorage = () => postgresStorage({ pool, schema }) as Storage
      const { told } = await goThrough(openStorage, encryption)
      return { told, dump: await dumpPostgres(pool, schema) }
    }

    test('with encryption: none in what anybody is told, nor in any table', async () => {
      const { told, dump } = await goThroughPostgres({ keys })
      expect(findCanaries(canaries, told)).toEqual([])
      const { events: eventRows = '', ...rest } = Object.fromEntries(dump)
      // Payloads are stored as they are sent; nothing else is.
      expect(findCanaries(secretCanaries, eventRows)).toEqual([])
      expect(findCanaries(payloadCanaries, eventRows).length).toBeGreaterThan(0)
      expect(findCanaries(canaries, JSON.stringify(rest))).toEqual([])
      for (const table of ['endpoints', 'deliveries', 'attempts', 'lanes']) {
        expect([table, rest[table]?.length]).not.toEqual([table, 2])
      }
    }, 60_000)

    test('without encryption: none in what anybody is told, and the search finds them in the tables', async () => {
      const { told, dump } = await goThroughPostgres(undefined)
      expect(findCanaries(canaries, told)).toEqual([])
      const found = findCanaries(canaries, dump.get('endpoints') ?? '')
      expect(found).toContain('signing secret 3')
      expect(found).toContain('header value 3')
    }, 60_000)
  })
})
