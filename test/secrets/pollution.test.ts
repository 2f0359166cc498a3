import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  type Filter,
  isWebhooksError,
  memoryStorage,
  type Storage,
  type WebhooksOptions,
} from '../../src/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'

const url = 'https://shop.example/hooks'

const events = defineEvents({
  'any.thing': z.record(z.string(), z.unknown()),
  'loose.thing': z.looseObject({ id: z.string() }),
})

/** As it comes from a request's body: `__proto__` is a key of its own, and no prototype. */
function parse<Value>(text: string): Value {
  return JSON.parse(text) as Value
}
const hostile = parse<Record<string, unknown>>(
  '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},' +
    '"prototype":{"polluted":"yes"},"toString":"text","hasOwnProperty":"text","length":1}',
)
const hostileTexts = parse<Record<string, string>>(
  '{"__proto__":"a","constructor":"b","prototype":"c","toString":"d","hasOwnProperty":"e"}',
)

/** The own keys of everything that all objects inherit from. */
const shared = [Object.prototype, Array.prototype, Function.prototype, String.prototype]
const keysOfShared = () => shared.map((prototype) => Reflect.ownKeys(prototype))
let before = keysOfShared()

beforeEach(() => {
  before = keysOfShared()
})
afterEach(() => {
  expect(keysOfShared()).toEqual(before)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

const storages: [string, () => Storage][] = [
  ['memory', () => memoryStorage()],
  ['SQLite', () => sqliteStorage({ path: ':memory:' }) as Storage],
]

describe.each(storages)('nothing reaches a prototype over %s', (_, createStorage) => {
  test('metadata and headers come back as they were given', async () => {
    const { webhooks, requests } = createTestWebhooks({ events, storage: createStorage() })
    const input = { url, events: ['*'], metadata: hostileTexts, headers: hostileTexts }
    const { id } = await webhooks.endpoints.create(input)
    const { metadata, headerNames } = await webhooks.endpoints.get(id)
    expect(Object.entries(metadata)).toEqual(Object.entries(hostileTexts))
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype)
    expect(headerNames).toEqual(Object.keys(hostileTexts).map((name) => name.toLowerCase()))
    const attempt = await webhooks.endpoints.test(id)
    expect(Object.entries(requests[0]?.headers ?? {})).toEqual(
      expect.arrayContaining([
        ['__proto__', 'a'],
        ['tostring', 'd'],
      ]),
    )
    expect(Object.entries(attempt.requestHeaders)).toContainEqual(['__proto__', '[redacted]'])
  })

  test('an endpoint described by a stranger has only what endpoints have', async () => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    const isRefused = (error: unknown) => isWebhooksError(error, 'invalid_option')
    const described = webhooks.endpoints.create({ ...hostile, url, events: ['*'] })
    await expect(described).rejects.toSatisfy(isRefused)
    expect((await webhooks.endpoints.list()).total).toBe(0)
    const { secret: _, ...endpoint } = await webhooks.endpoints.create({ url, events: ['*'] })
    for (const changes of [
      '{"__proto__":{"active":false,"tenantId":"x"}}',
      '{"secrets":[]}',
      '{"version":9}',
      '{"active":false}',
    ]) {
      const updated = webhooks.endpoints.update(endpoint.id, parse<object>(changes))
      await expect(updated).rejects.toSatisfy(isRefused)
    }
    expect(await webhooks.endpoints.get(endpoint.id)).toEqual(endpoint)
  })

  test('data is sent with every key, and hidden or filtered by its own keys alone', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({
      events,
      storage: createStorage(),
      redact: { payloadPaths: ['__proto__.polluted', 'constructor.prototype', '*.x'] },
    })
    await webhooks.endpoints.create({ url, events: ['*'] })
    const data = { ...hostile, id: 'x' }
    // zod drops `__proto__` from records and objects; what it keeps goes on as it is.
    const { id } = await webhooks.emit('loose.thing', data)
    await settle()
    const sent = receiver(url).requests[0]?.data as object
    expect(Object.keys(sent)).toEqual(expect.arrayContaining(['constructor', 'toString', 'id']))
    const shown = parse<{ data: object }>((await webhooks.events.get(id)).body)
    expect(Object.getOwnPropertyDescriptor(shown.data, 'constructor')?.value).toEqual({
      prototype: '[redacted]',
    })
  })

  test.each([
    { path: '__proto__', exists: true },
    { path: '__proto__.polluted', equals: 'yes' },
    { path: 'constructor', exists: true },
    { path: 'constructor.name', equals: 'Object' },
    { path: 'constructor.prototype', exists: true },
    { path: 'toString', exists: true },
    { path: 'list.length', atLeast: 0 },
    { path: 'list.constructor', exists: true },
    { path: 'text.length', atLeast: 0 },
  ] as Filter[])('a filter on %j finds nothing that is inherited', async (filter) => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    await webhooks.endpoints.create({ url, events: ['*'], filter })
    const data = { list: [1], text: 'text', constructed: true }
    const [explanation] = await webhooks.explain('any.thing', data)
    expect(explanation).toMatchObject({ receives: false, rule: 'filter does not match' })
  })

  test.each([
    '{"__proto__":{"path":"a","equals":1}}',
    '{"path":"a","__proto__":{"equals":1}}',
    '{"__proto__":{"and":[]},"path":"a","equals":1}',
    '{"constructor":{"path":"a"}}',
    '{"and":{"length":1,"0":{"path":"a","equals":1}}}',
    '{"path":{"toString":"a"},"equals":1}',
    '{"path":"a","toString":1}',
    '{"path":"a","in":{"__proto__":[1]}}',
  ])('a filter %s is refused', async (text) => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    const create = webhooks.endpoints.create({ url, events: ['*'], filter: parse<Filter>(text) })
    await expect(create).rejects.toMatchObject({ code: 'invalid_filter' })
  })

  test('names that every object has are no ids, types, tenants or options', async () => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      const face = webhooks.forTenant(name)
      expect(await face.endpoints.list()).toMatchObject({ items: [], total: 0 })
      expect((await face.stats()).backlog).toBe(0)
      const created = await face.endpoints.create({ url, events: ['*'], channels: [name] })
      expect((await face.endpoints.get(created.id)).tenantId).toBe(name)
      const { id } = await face.emit(
        'any.thing',
        {},
        {
          idempotencyKey: name,
          channels: [name],
        },
      )
      expect((await face.emit('any.thing', {}, { idempotencyKey: name })).id).toBe(id)
      expect((await face.endpoints.list()).total).toBe(1)
      for (const [code, call] of [
        ['endpoint_not_found', () => webhooks.endpoints.get(name)],
        ['delivery_not_found', () => webhooks.deliveries.get(name)],
        ['event_not_found', () => webhooks.events.get(name)],
        ['unknown_event', () => webhooks.emit(name as 'any.thing', {})],
        ['unknown_event', () => webhooks.explain(name as 'any.thing', {})],
        ['invalid_option', () => webhooks.deliveries.list({ status: name as 'pending' })],
      ] as const) {
        await expect(call()).rejects.toMatchObject({ code })
      }
      expect(() => createTestWebhooks({ events, limits: parse<object>(`{"${name}":5}`) })).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      )
    }
  })
})

describe('over real connections', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listen(server: Server): Promise<string> {
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  const options: WebhooksOptions<typeof events, never> = {
    events,
    storage: memoryStorage(),
    addressGuard: { allow: ['127.0.0.1'] },
  }

  test('an answer whose headers have such names is an answer', async () => {
    const receiver = await listen(
      createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => {
          const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
          const lines = names.flatMap((name) => [`${name}: one`, `${name}: two`])
          const head = ['HTTP/1.1 200 OK', ...lines, 'retry-after: 7', 'content-length: 2']
          socket.end(`${head.join('\r\n')}\r\n\r\nok`)
        })
      }),
    )
    const webhooks = createWebhooks(options)
    const { id } = await webhooks.endpoints.create({ url: receiver, events: ['*'] })
    const attempt = await webhooks.endpoints.test(id)
    expect(attempt).toMatchObject({ error: null, response: { status: 200, body: 'ok' } })
    expect(attempt.response?.headers['retry-after']).toBe('7')
    expect(Object.getPrototypeOf(attempt.response?.headers)).toBe(Object.prototype)
  })

  test('headers with such names are sent', async () => {
    let received: string[] = []
    const receiver = await listen(
      createHttpServer((request, response) => {
        received = request.rawHeaders
        response.end()
      }),
    )
    const webhooks = createWebhooks({ ...options, storage: memoryStorage() })
    const given = { url: receiver, events: ['*'], headers: hostileTexts }
    const { id } = await webhooks.endpoints.create(given)
    const attempt = await webhooks.endpoints.test(id)
    expect(attempt.error).toBeNull()
    for (const [name, value] of Object.entries(hostileTexts)) {
      expect(received[received.indexOf(name.toLowerCase()) + 1]).toBe(value)
    }
    expect(received.filter((text) => text === 'webhook-signature')).toHaveLength(1)
  })
})
