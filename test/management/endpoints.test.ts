import { expect, test } from 'vitest'
import { createApi, everything } from './support.ts'

test('an endpoint is created, and its secret is shown this once', async () => {
  const { call } = createApi()
  const settings = {
    url: 'https://shop.example/hooks',
    events: ['order.*'],
    channels: ['eu'],
    filter: { and: [{ path: 'amount', atLeast: 10 }, { not: { path: 'test', exists: true } }] },
    description: 'Stock <b>keeping</b>',
    rateLimit: { limit: 5, intervalMs: 1_000 },
    retry: { delaysMs: [0, 1_000], jitter: 0 },
    metadata: { team: 'stock' },
  }
  const headers = { 'X-Api-Key': 'very-secret-value' }
  const created = await call('POST', '', { body: { ...settings, headers, active: false } })
  expect(created).toMatchObject({
    status: 201,
    body: { ...settings, headerNames: ['x-api-key'], active: false, version: 1, tenantId: 'shop' },
  })
  expect(created.body.secret).toMatch(/^whsec_/)
  expect(created.headers.get('location')).toBe(`/api/v1/webhooks/${created.body.id}`)
  expect(created.headers.get('etag')).toBe('"1"')

  const { secret, ...endpoint } = created.body
  const found = await call('GET', `/${endpoint.id}`)
  expect(found.body).toEqual(endpoint)
  const listed = await call('GET', '')
  expect(listed.body.items).toEqual([endpoint])
  for (const { body } of [found, listed]) {
    expect(JSON.stringify(body)).not.toMatch(/very-secret-value|whsec_/)
  }
})

test('a key pair shows its public half, and a secret of the caller is taken', async () => {
  const { create } = createApi()
  expect((await create({ signature: 'v1a' })).secret).toMatch(/^whpk_/)
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  expect((await create({ secret })).secret).toBe(secret)
})

test('lists come in pages, by number or cursor, and by state', async () => {
  const { call, create } = createApi()
  const ids: string[] = []
  for (let index = 0; index < 5; index++) ids.unshift((await create({ active: index > 0 })).id)
  const first = await call('GET', '?page=1&limit=2')
  expect(first.body).toMatchObject({ page: 1, limit: 2, total: 5 })
  const second = await call('GET', `?limit=2&cursor=${first.body.nextCursor}`)
  const numbered = await call('GET', '?limit=2&page=2')
  expect(numbered.body).toEqual(second.body)
  const seen = [...first.body.items, ...second.body.items].map(({ id }) => id)
  expect(seen).toEqual(ids.slice(0, 4))
  expect((await call('GET', '?active=true')).body.total).toBe(4)
  expect((await call('GET', '?active=false')).body.items).toMatchObject([{ id: ids[4] }])
})

test('a change needs the version that was read, and loses to none', async () => {
  const { call, create } = createApi()
  const { id } = await create({ description: 'before' })
  const path = `/${id}`
  const change = (description: string, tag?: string) =>
    call('PATCH', path, {
      body: { description },
      headers: tag === undefined ? {} : { 'if-match': tag },
    })

  expect(await change('x')).toMatchObject({ status: 428, body: { code: 'if_match_missing' } })
  const changed = await change('mine', '"1"')
  expect(changed).toMatchObject({ status: 200, body: { description: 'mine', version: 2 } })
  expect(changed.headers.get('etag')).toBe('"2"')
  for (const tag of ['"1"', '"3"', 'W/"2"', '2', '"x"', '"1", "2"', '']) {
    expect(await change('theirs', tag), tag).toMatchObject({
      status: 412,
      body: { code: 'version_mismatch' },
    })
  }
  expect((await call('GET', path)).body.description).toBe('mine')
  expect((await change('whatever', '*')).body).toMatchObject({
    description: 'whatever',
    version: 3,
  })
})

test('a change leaves out what it does not name, and clears what it names as null', async () => {
  const { call, create } = createApi()
  const { id } = await create({ filter: { path: 'a', equals: 1 }, description: 'kept' })
  const changed = await call('PATCH', `/${id}`, {
    body: { filter: null, rateLimit: null, retry: null, events: ['order.paid'] },
    headers: { 'if-match': '*' },
  })
  expect(changed.body).toMatchObject({
    filter: null,
    description: 'kept',
    events: ['order.paid'],
    url: 'https://shop.example/hooks',
  })
})

test('an endpoint is switched off and on', async () => {
  const { call, create } = createApi()
  const { id } = await create()
  const off = await call('POST', `/${id}/disable`)
  expect(off.body).toMatchObject({ active: false, disabledReason: 'manual' })
  expect((await call('POST', `/${id}/enable`, { body: {} })).body).toMatchObject({ active: true })
})

test('a secret is renewed, and shown this once', async () => {
  const { call, create } = createApi()
  const { id, secret } = await create()
  const rotated = await call('POST', `/${id}/rotate-secret`)
  expect(rotated.body.secret).toMatch(/^whsec_/)
  expect(rotated.body.secret).not.toBe(secret)
  expect(rotated.headers.get('etag')).toBe('"2"')
  expect(JSON.stringify((await call('GET', `/${id}`)).body)).not.toContain(rotated.body.secret)
  expect(
    (await call('POST', `/${id}/rotate-secret`, { body: { signature: 'v1a' } })).body.secret,
  ).toMatch(/^whpk_/)
})

test('a test event is sent at once, and its attempt answered', async () => {
  const { call, create, receiver } = createApi()
  receiver('https://shop.example/hooks').answer(503)
  const { id } = await create({ headers: { 'X-Api-Key': 'very-secret-value' } })
  const { status, body } = await call('POST', `/${id}/test`)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    succeeded: false,
    response: { status: 503 },
    error: { code: 'http_status', origin: 'receiver' },
    requestHeaders: { 'x-api-key': '[redacted]' },
  })
})

test('a deletion that names a version takes that one only', async () => {
  const { call, create } = createApi()
  const { id } = await create()
  const remove = (tag: string) => call('DELETE', `/${id}`, { headers: { 'if-match': tag } })
  expect(await remove('"2"')).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
  expect((await call('GET', `/${id}`)).status).toBe(200)
  expect((await remove('"1"')).status).toBe(204)
})

test('a deleted endpoint is gone', async () => {
  const { call, create } = createApi()
  const { id } = await create()
  expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 204, body: undefined })
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/test'],
    ['POST', '/enable'],
    ['GET', '/deliveries'],
    ['GET', '/stats'],
  ] as const) {
    const answer = await call(method, `/${id}${path}`)
    expect(answer).toMatchObject({ status: 404, body: { code: 'endpoint_not_found' } })
  }
})

test("another tenant's endpoint does not exist, whatever is asked of it", async () => {
  const { become, call, create } = createApi()
  const { id } = await create()
  const { body: log } = await call('POST', `/${id}/test`)
  const { deliveryId } = log
  const requests = [
    ['GET', `/${id}`],
    ['PATCH', `/${id}`, { description: 'x' }],
    ['DELETE', `/${id}`],
    ['POST', `/${id}/enable`],
    ['POST', `/${id}/disable`],
    ['POST', `/${id}/rotate-secret`],
    ['POST', `/${id}/test`],
    ['GET', `/${id}/stats`],
    ['GET', `/${id}/deliveries`],
    ['GET', `/${id}/deliveries/${deliveryId}`],
    ['POST', `/${id}/deliveries/${deliveryId}/retry`],
    ['POST', `/${id}/deliveries/${deliveryId}/cancel`],
    ['POST', `/${id}/recover`, { since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' }],
  ] as const
  become({ ...everything, tenantId: 'stranger' })
  const unknown = id.replace(/.$/, '0')
  for (const [method, path, body] of requests) {
    const headers = { 'if-match': '*' }
    const theirs = await call(method, path, { body, headers })
    expect(theirs.status, path).toBe(404)
    // Told apart from one that exists nowhere by nothing.
    const nobodys = await call(method, path.replace(id, unknown), { body, headers })
    const withId = JSON.stringify(nobodys.body).replaceAll(unknown, id)
    expect(withId, path).toBe(JSON.stringify(theirs.body))
  }
  expect((await call('GET', '')).body.total).toBe(0)
  become(everything)
  expect((await call('GET', `/${id}`)).body).toMatchObject({ active: true, version: 1 })
})
