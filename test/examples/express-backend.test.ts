import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startReceiver } from './receiver.ts'

const root = new URL('../../', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'express-backend-'))

let backend: ChildProcess
let output = ''
let url = ''

beforeAll(async () => {
  backend = spawn(process.execPath, [join(root, 'examples/express-backend/main.ts')], {
    env: {
      ...process.env,
      PORT: '0',
      WEBHOOKS_DB: join(folder, 'webhooks.db'),
      WEBHOOKS_ALLOW: '127.0.0.0/8',
    },
  })
  backend.stdout?.on('data', (text) => {
    output += text
  })
  backend.stderr?.on('data', (text) => {
    output += text
  })
  url = await vi.waitFor(
    () => {
      const [, found] = /Listening on (\S+)/.exec(output) ?? []
      if (found === undefined) throw new Error(`The backend did not start:\n${output}`)
      return found
    },
    { timeout: 30_000 },
  )
}, 30_000)

afterAll(() => {
  backend.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

async function call(
  method: string,
  path: string,
  body?: unknown,
  workspace = 'ws_contracts',
  headers = {},
) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(workspace && { 'x-workspace-id': workspace }),
      ...(typeof body === 'object' && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: typeof body === 'object' ? JSON.stringify(body) : (body as string | undefined),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

test('a workspace creates a webhook, gets a verified event, and reads about it in the log', async () => {
  const receiver = await startReceiver()
  const created = await call('POST', '/api/v1/webhooks', {
    url: receiver.url,
    events: ['document.*'],
  })
  expect(created.status).toBe(201)
  expect(created.body.secret).toMatch(/^whsec_/)

  const text = '# Notice\n\nThe term of the agreement is two years.\n'
  const uploaded = await call('POST', '/documents?name=notice.md', text)
  expect(uploaded.status).toBe(201)
  await vi.waitFor(() => expect(receiver.received).toHaveLength(2), { timeout: 10_000 })

  const events = receiver.verified(created.body.secret)
  const [processed] = events.filter((event) => event.type === 'document.processed')
  expect(events.map((event) => event.type).sort()).toEqual([
    'document.processed',
    'document.uploaded',
  ])
  expect(processed?.data).toMatchObject({
    workspace: { id: 'ws_contracts' },
    document: { name: 'notice.md', sizeBytes: text.length, mimeType: 'text/markdown' },
    content: { words: 9, language: 'en' },
  })

  const log = `/api/v1/webhooks/${created.body.id}/deliveries`
  const succeeded = await vi.waitFor(
    async () => {
      const page = await call('GET', `${log}?status=succeeded&limit=1&page=2`)
      expect(page.body).toMatchObject({ page: 2, limit: 1, total: 2, nextCursor: null })
      return page.body.items
    },
    { timeout: 10_000 },
  )
  expect(succeeded).toHaveLength(1)
  expect((await call('GET', `${log}?status=failed`)).body.total).toBe(0)
  const delivery = await call('GET', `${log}/${succeeded[0].id}`)
  expect(delivery.body.attempts).toMatchObject([
    { number: 1, succeeded: true, response: { status: 204 } },
  ])
  receiver.close()
})

test('a document that is no text is announced as failed', async () => {
  const receiver = await startReceiver()
  const created = await call('POST', '/api/v1/webhooks', {
    url: receiver.url,
    events: ['document.failed'],
  })
  await call('POST', '/documents?name=scan.bin', 'a\0b')
  await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 10_000 })
  expect(receiver.verified(created.body.secret)).toMatchObject([
    { type: 'document.failed', data: { failure: { code: 'unsupported_type' } } },
  ])
  receiver.close()
})

test('a workspace lists, changes, tries out and deletes a webhook', async () => {
  const receiver = await startReceiver()
  const workspace = 'ws_manage'
  const created = await call(
    'POST',
    '/api/v1/webhooks',
    { url: receiver.url, events: ['*'] },
    workspace,
  )
  const path = `/api/v1/webhooks/${created.body.id}`

  const listed = await call('GET', '/api/v1/webhooks?limit=5', undefined, workspace)
  expect(listed.body).toMatchObject({ total: 1, items: [{ id: created.body.id }] })
  expect(JSON.stringify(listed.body)).not.toContain(created.body.secret)

  const changes = { events: ['document.processed'], description: 'Search' }
  const changed = await call('PATCH', path, changes, workspace, { 'if-match': '"1"' })
  expect(changed.body).toMatchObject(changes)

  const tried = await call('POST', `${path}/test`, undefined, workspace)
  expect(tried.body).toMatchObject({ succeeded: true, response: { status: 204 } })
  expect(receiver.verified(created.body.secret)).toMatchObject([{ type: 'webhook.test' }])

  expect((await call('DELETE', path, undefined, workspace)).status).toBe(204)
  expect((await call('GET', path, undefined, workspace)).status).toBe(404)
  receiver.close()
})

test.each([
  ['no workspace', () => call('POST', '/documents', 'text', ''), 400, 'workspace_missing'],
  ['no document', () => call('POST', '/documents'), 400, 'document_missing'],
])('%s is answered with a code', async (_what, request, status, code) => {
  const answer = await request()
  expect(answer.status).toBe(status)
  expect(answer.body.error.code).toBe(code)
  expect(answer.body.error.message).toMatch(/\w/)
})

test.each([
  ['no workspace', () => call('GET', '/api/v1/webhooks', undefined, ''), 401, 'unauthorized'],
  ['no body', () => call('POST', '/api/v1/webhooks'), 400, 'invalid_request'],
  ['a bad page', () => call('GET', '/api/v1/webhooks?page=x'), 400, 'invalid_request'],
  [
    'a private address',
    () => call('POST', '/api/v1/webhooks', { url: 'http://169.254.169.254/', events: ['*'] }),
    422,
    'address_refused',
  ],
  [
    'an unknown webhook',
    () => call('GET', '/api/v1/webhooks/ep_unknown/deliveries'),
    404,
    'endpoint_not_found',
  ],
])('%s is answered with a problem', async (_what, request, status, code) => {
  expect(await request()).toMatchObject({
    status,
    body: { code, detail: expect.stringMatching(/\w/) },
  })
})

test("a workspace cannot reach another one's webhook", async () => {
  const created = await call('POST', '/api/v1/webhooks', {
    url: 'http://127.0.0.1:8080/',
    events: ['*'],
  })
  expect(created.status).toBe(201)
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/test'],
    ['GET', '/deliveries'],
  ] as const) {
    const other = `/api/v1/webhooks/${created.body.id}${path}`
    const body = method === 'PATCH' ? { description: 'mine' } : undefined
    const answer = await call(method, other, body, 'ws_stranger', { 'if-match': '*' })
    expect(answer.status).toBe(404)
  }
  expect((await call('DELETE', `/api/v1/webhooks/${created.body.id}`)).status).toBe(204)
})

test('the demo workspace has a portal', async () => {
  const entered = await fetch(url, { redirect: 'manual' })
  expect(entered.headers.get('location')).toBe('/api/v1/webhooks/portal')
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
  const page = await fetch(`${url}/api/v1/webhooks/portal`, { headers: { cookie } })
  expect(await page.text()).toContain('<title>Documents</title>')
  const session = await fetch(`${url}/api/v1/webhooks/portal/session`, { headers: { cookie } })
  expect(await session.json()).toMatchObject({ tenantId: 'ws_demo' })
})

test('SIGTERM ends the backend in good order', async () => {
  backend.kill('SIGTERM')
  const [code] = await once(backend, 'exit')
  expect(code).toBe(0)
  expect(output).toContain('Stopped')
})
