import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { bodyLimitBytes } from '../../src/management/request.ts'
import { routes } from '../../src/management/routes/index.ts'
import { createApi } from './support.ts'

const url = 'https://shop.example/hooks'
let world: ReturnType<typeof createApi>
let id = ''
let deliveryId = ''

// Shared: what is refused changes nothing.
beforeAll(async () => {
  world = createApi()
  ;({ id } = await world.create())
  ;({ deliveryId } = (await world.call('POST', `/${id}/test`)).body)
})

/** A route's path, with what stands for its parameters. */
const fill = (path: string) =>
  path
    .replace(':id', id)
    .replace(':deliveryId', deliveryId)
    .replace(':name', 'order.paid')
    .replace(/^\/$/, '')

const named = (list: typeof routes) =>
  list.map((route) => ({ ...route, name: `${route.method.toUpperCase()} ${route.path}` }))
const withBody = named(routes.filter(({ body }) => body !== undefined))

describe.each(withBody)('the body of $name', ({ method, path }) => {
  const send = (raw: string | Uint8Array<ArrayBuffer>, headers = {}) =>
    world.call(method.toUpperCase(), fill(path), { raw, headers: { 'if-match': '*', ...headers } })

  test('what is no JSON, or more than that: 400', async () => {
    const malformed = [
      '{',
      '{"a":1,}',
      '{}{}',
      new Uint8Array([0x22, 0xff, 0x22]),
      '['.repeat(100_000),
      '['.repeat(100_000) + ']'.repeat(100_000),
      '{"__proto__":{"admin":true}}',
      '{"metadata":{"__proto__":{"admin":"1"}}}',
    ]
    for (const raw of malformed) {
      const { status, body } = await send(raw)
      expect([status, body.code]).toEqual([400, 'invalid_json'])
      expect(JSON.stringify(body).length).toBeLessThan(500)
    }
    for (const raw of ['null', '[]', '1', '"text"', 'true']) {
      expect((await send(raw)).body.code).toBe('invalid_request')
    }
  })

  test('a field that is not known is named: 400', async () => {
    const { body } = await send('{"constructor":{"prototype":{}},"hasOwnProperty":1}')
    expect(body.code).toBe('invalid_request')
    expect(JSON.stringify(body.issues)).toMatch(/constructor/)
  })

  test('too many bytes, announced or not: 413', async () => {
    const raw = JSON.stringify({ description: 'x'.repeat(bodyLimitBytes) })
    expect((await send(raw)).body.code).toBe('body_too_large')
    expect((await send(raw, { 'content-length': '2' })).body.code).toBe('body_too_large')
    expect((await send('{}', { 'content-length': '999999999' })).body.code).toBe('body_too_large')
  })

  test('anything but JSON in UTF-8, as it is: 415', async () => {
    const others = [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/jsonp' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': '' },
      { 'content-encoding': 'gzip' },
    ]
    for (const headers of others) {
      const answer = await send('{}', headers)
      expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
      expect(answer.headers.get('accept')).toBe('application/json')
    }
  })
})

describe('the body that creates an endpoint', () => {
  test.each([
    [{}, 'invalid_request'],
    [{ url }, 'invalid_request'],
    [{ url: 1, events: ['*'] }, 'invalid_request'],
    [{ url, events: '*' }, 'invalid_request'],
    [{ url, events: [] }, 'invalid_request'],
    [{ url, events: Array(101).fill('a') }, 'invalid_request'],
    [{ url: 'https://shop.example/\r\nhooks', events: ['*'] }, 'invalid_request'],
    [{ url: 'https://shop.example/\u0000', events: ['*'] }, 'invalid_request'],
    [{ url: `https://shop.example/${'x'.repeat(3_000)}`, events: ['*'] }, 'invalid_request'],
    [{ url: 'shop.example', events: ['*'] }, 'invalid_url'],
    [{ url: 'https://user:pass@shop.example/', events: ['*'] }, 'invalid_url'],
    [{ url, events: ['order.**'] }, 'invalid_pattern'],
    [{ url, events: ['<script>'] }, 'invalid_pattern'],
    [{ url, events: ['*'], tenantId: 'other' }, 'invalid_request'],
    [{ url, events: ['*'], id: 'ep_mine' }, 'invalid_request'],
    [{ url, events: ['*'], version: 7 }, 'invalid_request'],
    [{ url, events: ['*'], active: 'yes' }, 'invalid_request'],
    [{ url, events: ['*'], description: 'x'.repeat(1_001) }, 'invalid_request'],
    [{ url, events: ['*'], filter: { path: 'a', like: 'b' } }, 'invalid_filter'],
    [{ url, events: ['*'], filter: 'all' }, 'invalid_filter'],
    [{ url, events: ['*'], headers: { 'webhook-id': 'x' } }, 'invalid_header'],
    [{ url, events: ['*'], headers: { 'x-a': 'b\r\nx-c: d' } }, 'invalid_header'],
    [{ url, events: ['*'], headers: { 'x-a': 1 } }, 'invalid_request'],
    [{ url, events: ['*'], rateLimit: { limit: 0, intervalMs: 1 } }, 'invalid_request'],
    [{ url, events: ['*'], rateLimit: { limit: 1.5, intervalMs: 1 } }, 'invalid_request'],
    [{ url, events: ['*'], rateLimit: { limit: 1, intervalMs: 2 ** 53 - 1 } }, 'invalid_request'],
    [{ url, events: ['*'], retry: { delaysMs: [-1] } }, 'invalid_request'],
    [{ url, events: ['*'], retry: { delaysMs: [1e300] } }, 'invalid_option'],
    [{ url, events: ['*'], metadata: { a: 1 } }, 'invalid_request'],
    [{ url, events: ['*'], metadata: [] }, 'invalid_request'],
    [{ url, events: ['*'], secret: 'short' }, 'invalid_secret'],
    [{ url, events: ['*'], signature: 'none' }, 'invalid_request'],
  ])('%j: %s', async (body, code) => {
    const { total } = (await world.call('GET', '')).body
    const answer = await world.call('POST', '', { body })
    expect(answer.body.code).toBe(code)
    expect([400, 422]).toContain(answer.status)
    expect((await world.call('GET', '')).body.total).toBe(total)
  })

  test('a refusal never repeats what may be secret', async () => {
    const bodies = [
      { url, events: ['*'], secret: 'whsec_canary' },
      { url, events: ['*'], headers: { 'x-key: canary': 'x' } },
      { url, events: ['*'], headers: { 'x-key': 'canary\n' } },
    ]
    for (const body of bodies) {
      const answer = await world.call('POST', '', { body })
      expect(JSON.stringify(answer.body)).not.toContain('canary')
    }
    const malformed = await world.call('POST', '', { raw: '{"secret":"canary"' })
    expect(JSON.stringify(malformed.body)).not.toContain('canary')
  })

  test('hostile text is kept as text', async () => {
    const description = '<img src=x onerror=alert(1)> \u001b[31m \u202e \u0000 \u{1f600}'
    const metadata = { constructor: 'a', '<b>': '</script>' }
    const created = await world.create({ description, metadata })
    const { headers, body } = await world.call('GET', `/${created.id}`)
    expect(body).toMatchObject({ description, metadata })
    expect(headers.get('content-type')).toBe('application/json')
  })

  test('anything at all is answered, and never by a fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        const fields =
          typeof value === 'object' && !Array.isArray(value) ? value : { filter: value }
        const body = { url, events: ['*'], ...fields }
        const { status } = await world.call('POST', '', { body })
        expect([201, 400, 422]).toContain(status)
      }),
      { numRuns: 100 },
    )
  })
})

test.each([
  {},
  { since: 'yesterday' },
  { since: 1_764_000_000 },
  { since: '2026-01-01' },
  { since: '2026-13-01T00:00:00Z' },
  { since: '2026-01-01T00:00:00' },
  { since: '2026-01-01T00:00:00Z', only: 'some' },
  { since: '2026-01-01T00:00:00Z', dryRun: 'true' },
  { since: '2026-01-01T00:00:00Z', endpointId: 'ep_other' },
  { since: '2026-01-01T00:00:00Z', tenantId: 'other' },
])('a recovery of %j is refused', async (body) => {
  const answer = await world.call('POST', `/${id}/recover`, { body })
  expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
})

describe.each(named(routes))('the query of $name', ({ method, path, query }) => {
  const ask = (text: string) =>
    world.call(method.toUpperCase(), `${fill(path)}?${text}`, { headers: { 'if-match': '*' } })
  const hostile = [
    'pgae=1',
    '__proto__=1',
    'constructor=1',
    'tenantId=other',
    '%00=1',
    'page=1&page=2',
    'page=0',
    'page=-1',
    'page=1e3',
    'page=1.5',
    'page=0x10',
    'page=99999999999999999999',
    'page=NaN',
    'page=',
    'limit=101',
    'limit=0',
    'cursor=%00',
    'cursor=none',
    `cursor=${'x'.repeat(5_000)}`,
    'active=yes',
    'active=',
    'status=%3Cscript%3E',
    'status=',
    'since=yesterday',
    'since=2026-01-01',
    'until=',
    'eventId=%00',
    'type=%00',
    'type=a%20b',
    `type=${'x'.repeat(500)}`,
  ]

  test('anything wrong, unknown or given twice: 400', async () => {
    for (const text of hostile) {
      const { status, body } = await ask(text)
      expect(status, text).toBe(400)
      expect(['invalid_request', 'invalid_cursor']).toContain(body.code)
    }
  })

  test('it has parameters only where it says so', () => {
    if (query !== undefined) expect(method).toBe('get')
  })
})

test('a page beyond the last is empty, however far', async () => {
  const { body } = await world.call('GET', '?page=1000000&limit=100')
  expect(body).toMatchObject({ items: [], page: 1_000_000, nextCursor: null })
})

describe('ids', () => {
  test.each([
    '%00',
    'ep_%00',
    '..%2Fstats',
    '%2e%2e%2fadmin',
    'ep_1%0d%0aset-cookie:a=b',
    '__proto__',
    'constructor',
    '%3Cscript%3E',
    '%E0%A4%A',
    '%u0041',
    "ep_1'%20OR%201=1--",
    'x'.repeat(5_000),
  ])('%s is found nowhere', async (text) => {
    for (const path of [`/${text}`, `/${text}/stats`, `/${id}/deliveries/${text}`]) {
      expect((await world.call('GET', path)).status).toBe(404)
    }
    expect((await world.call('GET', `/event-types/${text}`)).status).toBe(404)
    expect((await world.call('POST', `/${text}/test`)).status).toBe(404)
  })
})

describe('methods', () => {
  test.each([
    ['PUT', '', 'GET, HEAD, POST, OPTIONS'],
    ['PUT', '/ep_1', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
    ['GET', '/ep_1/test', 'POST, OPTIONS'],
    ['POST', '/stats', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/ep_1', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
  ])('%s %s is not allowed, and what is is told', async (method, path, allow) => {
    const answer = await world.call(method, path)
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe(allow)
    const options = await world.call('OPTIONS', path)
    expect(options).toMatchObject({ status: 204, body: undefined })
    expect(options.headers.get('allow')).toBe(allow)
  })

  test('HEAD answers like GET, without a body', async () => {
    const head = await world.call('HEAD', `/${id}`)
    expect(head).toMatchObject({ status: 200, body: undefined })
    expect(head.headers.get('etag')).toMatch(/^"\d+"$/)
    expect((await world.call('HEAD', '/nowhere/at/all')).status).toBe(404)
  })

  test('a slash at the end makes no difference', async () => {
    expect((await world.call('GET', '/')).status).toBe(200)
    expect((await world.call('GET', `/${id}/`)).status).toBe(200)
  })
})

describe('pages of other sites', () => {
  const from = (site: string) => ({ headers: { 'sec-fetch-site': site } })

  test.each(['cross-site', 'same-site'])(
    '%s: nothing happens without a preflight',
    async (site) => {
      await world.call('POST', `/${id}/enable`)
      const answer = await world.call('POST', `/${id}/disable`, from(site))
      expect(answer).toMatchObject({ status: 403, body: { code: 'cross_site_request' } })
      expect((await world.call('GET', `/${id}`)).body.active).toBe(true)
      expect((await world.call('POST', `/${id}/disable`, { body: {}, ...from(site) })).status).toBe(
        200,
      )
    },
  )

  test.each(['same-origin', 'none'])('%s: as usual', async (site) => {
    expect((await world.call('POST', `/${id}/disable`, from(site))).status).toBe(200)
  })
})

test('faults of ours are told without a word about them, and reported', async () => {
  const { call, lines, webhooks } = createApi()
  const forTenant = webhooks.forTenant
  webhooks.forTenant = (tenantId) => ({
    ...forTenant(tenantId),
    stats: () => Promise.reject(new Error('password authentication failed for user "ann"')),
  })
  const { status, body } = await call('GET', '/stats')
  expect(status).toBe(500)
  expect(body).toEqual({
    type: 'about:blank',
    title: 'Internal Server Error',
    status: 500,
    detail: 'Something went wrong on our side.',
    code: 'internal',
  })
  expect(lines).toMatchObject([
    { level: 'error', details: { error: { message: expect.stringMatching(/password/) } } },
  ])
})

test('what is thrown and is no Error is answered like one', async () => {
  const { call, lines, webhooks } = createApi()
  const { forTenant } = webhooks
  webhooks.forTenant = (tenantId) => ({ ...forTenant(tenantId), stats: () => Promise.reject(null) })
  expect((await call('GET', '/stats')).body.code).toBe('internal')
  expect(lines).toHaveLength(1)
})

test('a storage that is away is told as such: 503', async () => {
  const { call, lines, webhooks } = createApi()
  await webhooks.stop()
  const answer = await call('GET', '')
  expect(answer).toMatchObject({ status: 503, headers: expect.anything() })
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(lines).toMatchObject([{ level: 'warn' }])
})
