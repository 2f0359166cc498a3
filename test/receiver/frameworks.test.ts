import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createReceiver, type WebhookPayload } from '../../src/receiver/index.ts'
import { events, gate, otherSecret, secret, signed } from './support.ts'

const received: WebhookPayload[] = []
const receiver = createReceiver({
  events,
  secrets: secret,
  handlers: { '*': (event) => void received.push(event) },
  maxBodyBytes: 100_000,
  onError: () => {},
})

const closing: (() => unknown)[] = []
afterEach(async () => {
  received.length = 0
  for (const close of closing.splice(0)) await close()
})

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`
}

const serve = (listener: RequestListener) => listen(createServer(listener))

async function serveFastify(prepare: (app: FastifyInstance) => unknown = () => {}) {
  const app = fastify()
  await prepare(app)
  app.register(receiver.fastify, { prefix: '/hooks' })
  app.post('/other', async (request) => ({ got: request.body }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  closing.push(() => app.close())
  return `${app.listeningOrigin}/hooks`
}

const hosts: [string, () => Promise<string>][] = [
  ['node:http', () => serve(receiver.express())],
  ['Express', () => serve(express().post('/hooks', receiver.express()))],
  [
    'Express, after express.raw',
    () => serve(express().post('/hooks', express.raw({ type: '*/*' }), receiver.express())),
  ],
  [
    'Express, after express.text',
    () => serve(express().post('/hooks', express.text({ type: '*/*' }), receiver.express())),
  ],
  [
    'Express, after express.json that keeps the bytes',
    () => {
      const keep = (request: object, _: unknown, rawBody: Buffer) =>
        void Object.assign(request, { rawBody })
      return serve(
        express()
          .use(express.json({ verify: keep }))
          .post('/hooks', receiver.express()),
      )
    },
  ],
  ['Fastify', () => serveFastify()],
]

describe.each(hosts)('%s', (_, start) => {
  const post = async (url: string, { body, headers }: ReturnType<typeof signed>) =>
    fetch(url, { method: 'POST', body, headers })

  test('verifies and handles; refuses what is not genuine', async () => {
    const url = await start()
    const message = signed({ data: { orderId: 'ž' } })
    expect((await post(url, message)).status).toBe(204)
    expect((await post(url, message)).status).toBe(204)
    expect(received).toMatchObject([{ data: { orderId: 'ž' } }])
    const refused = await post(url, signed({ secret: otherSecret }))
    expect(refused.status).toBe(400)
    expect(await refused.text()).toMatch(/^signature_mismatch: /)
    expect(received).toHaveLength(1)
  })

  test('a body in many pieces, and one of a type that nobody knows', async () => {
    const url = await start()
    const { body, headers } = signed({ data: { orderId: 'x'.repeat(50_000) } })
    const pieces = new Blob([body]).stream()
    const init = { method: 'POST', body: pieces, headers, duplex: 'half' } as const
    expect((await fetch(url, init)).status).toBe(204)
    const other = signed()
    const typed = { ...other.headers, 'content-type': 'application/vnd.acme+json' }
    const json = url.includes('hooks') && _ === hosts[4]?.[0]
    if (!json) expect((await post(url, { body: other.body, headers: typed })).status).toBe(204)
  })
})

describe('too large', () => {
  test.each([
    ['node:http', () => serve(receiver.express())],
    ['Fastify', () => serveFastify()],
  ])('%s: 413 while the sender is still sending', async (_, start) => {
    const { hostname, port, pathname } = new URL(await start())
    const socket = connect(Number(port), hostname)
    socket.write(`POST ${pathname} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n`)
    const answer = text(socket)
    const piece = `2710\r\n${'x'.repeat(10_000)}\r\n`
    for (let sent = 0; sent < 11; sent++) socket.write(piece)
    expect(await answer).toMatch(/^HTTP\/1.1 413 [\s\S]*body_too_large/)
  })

  test('Express: also what express.raw had read already', async () => {
    const raw = express.raw({ type: '*/*', limit: '1mb' })
    const url = await serve(express().post('/hooks', raw, receiver.express()))
    const { body, headers } = signed({ data: { orderId: 'x'.repeat(100_000) } })
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(413)
  })
})

test.each([
  ['node:http', (own: RequestListener) => serve(own)],
  ['Express', (own: RequestListener) => serve(express().post('/hooks', own))],
])('%s: a sender that goes away is nobody’s failure', async (_, start) => {
  const statuses: number[] = []
  const own = createReceiver({
    secrets: secret,
    handlers: {},
    onError: (_error, { status }) => void statuses.push(status),
  })
  const { hostname, port, pathname } = new URL(await start(own.express()))
  const socket = connect(Number(port), hostname)
  socket.write(`POST ${pathname} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf`)
  await once(socket, 'connect')
  setTimeout(() => socket.resetAndDestroy(), 30)
  await vi.waitFor(() => expect(statuses).toEqual([400]))
})

test('a sender that was gone before we came is answered by nobody', async () => {
  const own = createReceiver({ secrets: secret, handlers: {}, onError: () => {} })
  const handle = own.express()
  const ended: Promise<void>[] = []
  const { hostname, port, pathname } = new URL(
    await serve((request, response) => {
      request.on('error', () => {})
      request.on('close', () => ended.push(handle(request, response)))
    }),
  )
  const socket = connect(Number(port), hostname)
  socket.write(`POST ${pathname} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf`)
  setTimeout(() => socket.resetAndDestroy(), 30)
  await vi.waitFor(() => expect(ended).toHaveLength(1))
  await Promise.all(ended)
})

test('what somebody else has answered meanwhile stays answered', async () => {
  const { opened, open } = gate()
  const own = createReceiver({ secrets: secret, handlers: { '*': () => opened } })
  const handle = own.express()
  const ended: unknown[] = []
  const url = await serve((request, response) => {
    ended.push(handle(request, response).catch((error: unknown) => error))
    setTimeout(() => response.writeHead(503).end(), 20)
  })
  const { body, headers } = signed()
  expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(503)
  open()
  expect(await Promise.all(ended)).toEqual([undefined])
})

describe('a body that was parsed before is refused with the way out', () => {
  test('Express, after express.json', async () => {
    const url = await serve(express().use(express.json()).post('/hooks', receiver.express()))
    const { body, headers } = signed()
    const response = await fetch(url, { method: 'POST', body, headers })
    expect(response.status).toBe(500)
    expect(await response.text()).toMatch(/^body_not_raw: .*express\.json\(/)
    expect(received).toEqual([])
  })

  test('Fastify cannot: parsers of the host end at the plugin, and go on outside of it', async () => {
    const url = await serveFastify((app) => {
      app.addContentTypeParser(['text/plain'], { parseAs: 'string' }, (_, body, done) => {
        done(null, body)
      })
    })
    const { body, headers } = signed()
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(204)
    const other = await fetch(url.replace('hooks', 'other'), {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    expect(await other.json()).toEqual({ got: { a: 1 } })
  })
})

test.each([
  ['node:http', () => serve(receiver.express())],
  ['Express, all methods', () => serve(express().all('/hooks', receiver.express()))],
])('%s: other methods are told which one to use', async (_, start) => {
  const response = await fetch(await start())
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST')
})

test('a sender that breaks off is no event, and no unhandled error', async () => {
  const url = new URL(await serve(receiver.express()))
  const socket = connect(Number(url.port), url.hostname)
  const { headers } = signed()
  const lines = Object.entries({ host: 'a', 'content-length': '1000', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  socket.write(`POST /hooks HTTP/1.1\r\n${lines}\r\n{"type":`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(received).toEqual([])
})
