/** The management API in each framework, over a real socket where the framework has one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createWebhooks, memoryStorage, type Webhooks } from '@ainexlayer/webhooks'
import { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { managementActions, managementApi, nodeListener } from '@ainexlayer/webhooks/management'
import express from 'express'
import { fastify } from 'fastify'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { createExpressApp } from '../../examples/management/express.ts'
import { createFastifyApp } from '../../examples/management/fastify.ts'
import { createHonoApp } from '../../examples/management/hono.ts'
import { createNodeServer } from '../../examples/management/node.ts'

type Instance = Webhooks<typeof ainexlayerEvents>
/** How requests reach a mounted API. */
type Reach = (path: string, init?: RequestInit) => Promise<Response>

const toClose: (() => unknown)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0)) await close()
})

function createInstance(): Instance {
  const webhooks = createWebhooks({
    events: ainexlayerEvents,
    storage: memoryStorage(),
    addressGuard: { allow: ['127.0.0.1'] },
  })
  toClose.push(() => webhooks.stop())
  return webhooks
}

async function listen(server: Server): Promise<Reach> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  toClose.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const { port } = server.address() as AddressInfo
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init)
}

let nextApp: Promise<string> | undefined
const endings: (() => unknown)[] = []
afterAll(async () => {
  for (const end of endings.splice(0)) await end()
})

/** A real Next.js app, whose only route is `examples/management/next.ts`. */
async function startNextApp(): Promise<string> {
  const next = fileURLToPath(import.meta.resolve('next/dist/bin/next'))
  const app = fileURLToPath(new URL('next-app', import.meta.url))
  const child = spawn(process.execPath, [next, 'dev', app, '-H', '127.0.0.1', '-p', '0'], {
    env: { ...process.env, NODE_ENV: 'development', NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // a group of its own, because it has children that outlive it
  })
  endings.push(async () => {
    const closed = once(child, 'close')
    process.kill(-(child.pid as number), 'SIGKILL')
    await closed
  })
  let printed = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    printed += chunk
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? []
    if (address === undefined) continue
    child.stdout.resume() // a pipe that nobody reads fills up
    return address
  }
  throw new Error(`Next.js did not start: ${printed}`)
}

const mounts: Record<string, (webhooks: Instance) => Promise<Reach>> = {
  'node:http': async (webhooks) => listen(createNodeServer(webhooks)),
  Express: async (webhooks) => listen(createServer(createExpressApp(webhooks))),
  async Fastify(webhooks) {
    const app = createFastifyApp(webhooks)
    toClose.push(() => app.close())
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    return (path, init) => fetch(`${address}${path}`, init)
  },
  async Hono(webhooks) {
    const app = createHonoApp(webhooks)
    return async (path, init) => app.request(path, init)
  },
  // One server for all tests: it takes seconds to start. They leave nothing behind.
  async 'Next.js'() {
    nextApp ??= startNextApp()
    const address = await nextApp
    return (path, init) => fetch(`${address}${path}`, init)
  },
}

describe.each(Object.entries(mounts))('mounted in %s', (_name, mount) => {
  async function open(key = 'key_admin') {
    const reach = await mount(createInstance())
    return async (method: string, path: string, body?: string, headers = {}) => {
      const response = await reach(`/api/v1/webhooks${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      })
      const text = await response.text()
      const { status } = response
      return { status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
    }
  }
  const endpoint = JSON.stringify({ url: 'http://127.0.0.1:8080/', events: ['document.*'] })

  test('an endpoint is created, read, changed, listed and deleted', async () => {
    const call = await open()
    const created = await call('POST', '', endpoint)
    expect(created).toMatchObject({
      status: 201,
      body: { tenantId: 'ws_1', secret: expect.stringMatching(/^whsec_/) },
    })
    const path = `/${created.body.id}`
    const found = await call('GET', path)
    expect(found.headers.get('etag')).toBe('"1"')
    const change = JSON.stringify({ description: 'Größe 😀' })
    const changed = await call('PATCH', path, change, { 'if-match': '"1"' })
    expect(changed.body).toMatchObject({ description: 'Größe 😀', version: 2 })
    expect((await call('GET', '?limit=1&page=1&active=true')).body).toMatchObject({ total: 1 })
    expect((await call('POST', `${path}/disable`)).body).toMatchObject({ active: false })
    expect((await call('HEAD', path)).body).toBeNull()
    expect((await call('DELETE', path)).status).toBe(204)
    expect((await call('GET', `${path}/deliveries`)).body.code).toBe('endpoint_not_found')
  })

  test('who is unknown gets 401, and what is refused says why', async () => {
    expect(await (await open('key_unknown'))('GET', '')).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    })
    const call = await open('key_on_call')
    expect(await call('POST', '', endpoint)).toMatchObject({ status: 403 })
    expect((await call('GET', '/stats')).status).toBe(200)
    expect((await call('PUT', '/ep_1')).headers.get('allow')).toContain('PATCH')
  })

  test('a body that is no JSON, of another type or too large is refused', async () => {
    const call = await open()
    expect((await call('POST', '', '{')).status).toBe(400)
    const asText = await call('POST', '', endpoint, { 'content-type': 'text/plain' })
    expect(asText.status).toBe(415)
    const large = await call('POST', '', JSON.stringify({ description: 'x'.repeat(300_000) }))
    expect(large.status).toBe(413)
    expect((await call('GET', '')).body.total).toBe(0)
  })
})

describe('nodeListener', () => {
  const authorize = () => ({ tenantId: 'ws_1', actions: managementActions })
  const body = JSON.stringify({ url: 'http://127.0.0.1:8080/', events: ['*'] })
  const json = { 'content-type': 'application/json' }

  test.each([
    ['parsed', express.json()],
    ['as bytes', express.raw({ type: () => true })],
    ['as text', express.text({ type: () => true })],
    ['as a form parser leaves JSON', express.urlencoded()],
  ])('takes a body that was read %s', async (_how, parser) => {
    const app = express().use(parser)
    app.use(
      '/hooks',
      nodeListener(managementApi(createInstance(), { authorize, basePath: '/hooks' })),
    )
    const reach = await listen(createServer(app))
    const created = await reach('/hooks', { method: 'POST', headers: json, body })
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toMatch(/^\/hooks\/ep_/)
  })

  test('says so where a parser has read the body and kept nothing', async () => {
    const listener = nodeListener(managementApi(createInstance(), { authorize }))
    const warned = once(process, 'warning')
    const app = fastify()
    toClose.push(() => app.close())
    app.post('/api/v1/webhooks', (request, reply) => {
      reply.hijack()
      return listener(request.raw, reply.raw)
    })
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const response = await fetch(`${address}/api/v1/webhooks`, {
      method: 'POST',
      headers: json,
      body,
    })
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ code: 'internal' })
    expect(await warned).toMatchObject([{ code: 'WEBHOOKS_BODY_LOST' }])
  })

  test('answers and goes on when a client leaves in the middle of its body', async () => {
    const webhooks = createInstance()
    const reach = await listen(createServer(nodeListener(managementApi(webhooks, { authorize }))))
    const { port } = new URL((await reach('/api/v1/webhooks')).url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'POST /api/v1/webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
        'content-length: 100\r\n\r\n{"url":',
    )
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    const after = await reach('/api/v1/webhooks')
    expect(await after.json()).toMatchObject({ total: 0 })
  })

  test.each([
    'GET /api/v1/webhooks HTTP/1.1\r\nhost: a b\r\n',
    'GET //evil.example/api HTTP/1.1\r\nhost: x\r\n',
    'GET /api/v1/webhooks/../../../etc/passwd HTTP/1.1\r\nhost: x\r\n',
    'GET http://evil.example/api/v1/webhooks/nothing/here/at/all HTTP/1.1\r\nhost: x\r\n',
  ])('answers %j with 4xx', async (head) => {
    const api = managementApi(createInstance(), { authorize })
    const reach = await listen(createServer(nodeListener(api)))
    const { port } = new URL((await reach('/api/v1/webhooks')).url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.end(`${head}connection: close\r\n\r\n`)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer).not.toMatch(/\n {4}at /)
  })
})
