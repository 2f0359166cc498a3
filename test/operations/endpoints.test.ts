import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events, expectVerified } from '../support.ts'

const url = 'https://shop.example/hooks'

describe('endpoints', () => {
  test('are created with defaults, and their secret is shown once', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const { secret, ...endpoint } = await webhooks.endpoints.create({ url, events: ['order.*'] })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/)
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^ep_[0-9a-z]+$/),
      tenantId: 'default',
      url,
      description: '',
      events: ['order.*'],
      channels: [],
      filter: null,
      headerNames: [],
      rateLimit: null,
      retry: null,
      metadata: {},
      active: true,
      disabledAt: null,
      disabledReason: null,
      pausedUntil: null,
      failingSince: null,
      failedAttempts: 0,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
      version: 1,
    })
    expect(await webhooks.endpoints.get(endpoint.id)).toEqual(endpoint)
    expect((await webhooks.endpoints.list()).items).toEqual([endpoint])
  })

  test('are listed newest first, by page, by cursor and by activity', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const ids: string[] = []
    for (let n = 0; n < 25; n++) {
      ids.unshift((await webhooks.endpoints.create({ url, events: ['*'] })).id)
    }
    await webhooks.endpoints.disable(ids[3] ?? '')

    const first = await webhooks.endpoints.list({ limit: 10 })
    expect(first).toMatchObject({ page: 1, limit: 10, total: 25 })
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 10))
    const third = await webhooks.endpoints.list({ limit: 10, page: 3 })
    expect(third.items.map(({ id }) => id)).toEqual(ids.slice(20))
    expect(third.nextCursor).toBeNull()

    const walked: string[] = []
    let cursor: string | undefined
    do {
      const page = await webhooks.endpoints.list({ limit: 7, cursor })
      expect(page.total).toBe(25)
      walked.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    expect(walked).toEqual(ids)

    expect((await webhooks.endpoints.list({ active: true })).total).toBe(24)
    expect((await webhooks.endpoints.list({ active: false })).items[0]?.id).toBe(ids[3])
  })

  test('change what is given and nothing else', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'], description: 'before' })
    const changed = await webhooks.endpoints.update(id, { events: ['order.paid'] })
    expect(changed).toMatchObject({
      events: ['order.paid'],
      description: 'before',
      url,
      version: 2,
    })
    await expect(
      webhooks.endpoints.update(id, { description: 'late' }, { ifVersion: 1 }),
    ).rejects.toMatchObject({ code: 'conflict' })
    expect(await webhooks.endpoints.get(id)).toEqual(changed)
  })

  test('that are deleted receive nothing more, and their log stays readable', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    shop.answer(500)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await webhooks.endpoints.delete(id)
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await advance({ days: 10 })
    expect(shop.requests).toHaveLength(1)
    await expect(webhooks.endpoints.get(id)).rejects.toMatchObject({ code: 'endpoint_not_found' })
    const { items } = await webhooks.deliveries.list({ endpointId: id })
    expect(items).toMatchObject([
      { status: 'cancelled', cancelReason: 'endpoint_deleted', attempts: 1 },
    ])
  })

  test('that are disabled miss what is emitted meanwhile, and say so', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    // Emitted before, fanned out after: the customer was subscribed, and shall see what happened.
    await webhooks.emit('order.paid', { orderId: 'o1' })
    expect(await webhooks.endpoints.disable(id)).toMatchObject({
      active: false,
      disabledReason: 'manual',
    })
    await settle()
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await webhooks.endpoints.enable(id)
    await webhooks.emit('order.paid', { orderId: 'o3' })
    await advance({ days: 1 })
    expect(shop.requests.map(({ data }) => data)).toEqual([{ orderId: 'o3' }])
  })

  test('filter by channel and by payload', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    const eu = receiver('https://eu.example/')
    const large = receiver('https://large.example/')
    await webhooks.endpoints.create({ url: eu.url, events: ['*'], channels: ['eu'] })
    await webhooks.endpoints.create({
      url: large.url,
      events: ['order.paid'],
      filter: { path: 'amount', atLeast: 100 },
    })
    await webhooks.emit('order.paid', { orderId: 'small', amount: 1 }, { channels: ['eu'] })
    await webhooks.emit('order.paid', { orderId: 'large', amount: 100 }, { channels: ['us'] })
    await webhooks.emit('order.paid', { orderId: 'unknown' })
    await settle()
    expect(eu.requests.map(({ data }) => data)).toEqual([{ orderId: 'small', amount: 1 }])
    expect(large.requests.map(({ data }) => data)).toEqual([{ orderId: 'large', amount: 100 }])
  })

  test('sign with both secrets during a rotation, and with the new one after it', async () => {
    const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
    const shop = receiver(url)
    const before = await webhooks.endpoints.create({ url, events: ['*'] })
    const after = await webhooks.endpoints.rotateSecret(before.id)
    expect(after.secret).not.toBe(before.secret)
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    const [during] = shop.requests
    if (during) {
      expectVerified(during, before.secret)
      expectVerified(during, after.secret)
    }
    await advance({ hours: 24 })
    await webhooks.emit('order.paid', { orderId: 'o2' })
    await settle()
    const later = shop.requests[1]
    expect(later?.headers['webhook-signature']?.split(' ')).toHaveLength(1)
    if (later) expectVerified(later, after.secret)
  })

  test('keep their kind of signature in a rotation, unless another is asked for', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const { endpoints } = webhooks
    const { id, secret } = await endpoints.create({ url, events: ['*'], signature: 'v1a' })
    expect(secret).toMatch(/^whpk_/)
    expect((await endpoints.rotateSecret(id)).secret).toMatch(/^whpk_/)
    expect((await endpoints.rotateSecret(id, { signature: 'v1' })).secret).toMatch(/^whsec_/)
    expect((await endpoints.rotateSecret(id)).secret).toMatch(/^whsec_/)
    expect((await endpoints.rotateSecret(id, { signature: 'v1a' })).secret).toMatch(/^whpk_/)
  })

  test('take a secret of the host, and hand out a public key with v1a', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    expect((await webhooks.endpoints.create({ url, events: ['*'], secret })).secret).toBe(secret)
    const asymmetric = await webhooks.endpoints.create({ url, events: ['*'], signature: 'v1a' })
    expect(asymmetric.secret).toMatch(/^whpk_/)
  })
})

describe('a test send', () => {
  test('is signed, logged, and says how it went', async () => {
    const { webhooks, receiver } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id, secret } = await webhooks.endpoints.create({ url, events: ['order.paid'] })
    const attempt = await webhooks.endpoints.test(id)
    expect(attempt).toMatchObject({ succeeded: true, endpointId: id, response: { status: 200 } })
    expect(shop.types).toEqual(['webhook.test'])
    if (shop.requests[0]) expectVerified(shop.requests[0], secret)
    const { items } = await webhooks.deliveries.list({ endpointId: id })
    expect(items).toMatchObject([{ eventType: 'webhook.test', status: 'succeeded', attempts: 1 }])
    expect(await webhooks.deliveries.attempts(items[0]?.id ?? '')).toEqual([attempt])
  })

  test('is not repeated, reaches an inactive endpoint, and leaves its health alone', async () => {
    const { webhooks, receiver, advance } = createTestWebhooks({ events })
    const shop = receiver(url)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'], active: false })
    shop.alwaysAnswer(500)
    const attempt = await webhooks.endpoints.test(id)
    expect(attempt).toMatchObject({ succeeded: false, error: { code: 'http_status' } })
    await advance({ days: 7 })
    expect(shop.requests).toHaveLength(1)
    expect(await webhooks.endpoints.get(id)).toMatchObject({ failedAttempts: 0 })
  })
})

describe('bad input to endpoints', () => {
  test.each([
    ['no url', 'invalid_url', { url: undefined }],
    ['a url that is none', 'invalid_url', { url: 'not a url' }],
    ['a relative url', 'invalid_url', { url: '/hooks' }],
    ['an endless url', 'invalid_url', { url: `https://x.example/${'a'.repeat(2048)}` }],
    ['no events', 'invalid_pattern', { events: undefined }],
    ['an empty list of events', 'invalid_pattern', { events: [] }],
    ['a pattern with a star inside', 'invalid_pattern', { events: ['order.*.paid'] }],
    ['an empty pattern', 'invalid_pattern', { events: [''] }],
    ['a filter that is none', 'invalid_filter', { filter: { nonsense: 1 } }],
    ['a reserved header', 'invalid_header', { headers: { 'Webhook-Signature': 'x' } }],
    ['a hop-by-hop header', 'invalid_header', { headers: { Connection: 'close' } }],
    ['host', 'invalid_header', { headers: { Host: 'x' } }],
    ['content-length', 'invalid_header', { headers: { 'content-length': '1' } }],
    ['a line break in a header', 'invalid_header', { headers: { 'x-a': 'b\r\nx-c: d' } }],
    ['a header name with a space', 'invalid_header', { headers: { 'x a': 'b' } }],
    ['one header in two spellings', 'invalid_header', { headers: { 'x-a': 'b', 'X-A': 'c' } }],
    ['a bad rate limit', 'invalid_option', { rateLimit: { limit: 0, intervalMs: 1 } }],
    [
      'too many requests an interval',
      'invalid_option',
      { rateLimit: { limit: 1_000_001, intervalMs: 1 } },
    ],
    [
      'an interval above a day',
      'invalid_option',
      { rateLimit: { limit: 1, intervalMs: 86_400_001 } },
    ],
    ['a misspelt rate limit', 'invalid_option', { rateLimit: { limit: 1, intervalMs: 1, per: 1 } }],
    ['a bad schedule', 'invalid_option', { retry: { delaysMs: [] } }],
    ['metadata that is no text', 'invalid_option', { metadata: { a: 1 } }],
    ['an endless description', 'invalid_option', { description: 'x'.repeat(1_001) }],
    ['a bad secret', 'invalid_secret', { secret: 'whsec_short' }],
    ['an unknown signature', 'invalid_option', { signature: 'v2' }],
  ])('%s is refused, and nothing is created', async (_, code, input) => {
    const { webhooks } = createTestWebhooks({ events })
    const call = webhooks.endpoints.create({ url, events: ['*'], ...input } as never)
    await expect(call).rejects.toMatchObject({ name: 'WebhooksError', code })
    expect((await webhooks.endpoints.list()).total).toBe(0)
  })

  test.each([undefined, null, 'https://shop.example', 7])(
    '%j is refused as a whole',
    async (input) => {
      const { webhooks } = createTestWebhooks({ events })
      const refusal = { name: 'WebhooksError', code: 'invalid_option' }
      await expect(webhooks.endpoints.create(input as never)).rejects.toMatchObject(refusal)
      const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
      await expect(webhooks.endpoints.update(id, input as never)).rejects.toMatchObject(refusal)
    },
  )

  test.each(['get', 'delete', 'enable', 'disable', 'rotateSecret', 'test'] as const)(
    '%s of an unknown id says so',
    async (method) => {
      const { webhooks } = createTestWebhooks({ events })
      await expect(webhooks.endpoints[method]('ep_nowhere')).rejects.toMatchObject({
        code: 'endpoint_not_found',
      })
    },
  )

  test.each([null, '2', Number.NaN, 1.5, 0, {}])(
    'a change of version %j is refused',
    async (ifVersion) => {
      const { webhooks } = createTestWebhooks({ events })
      const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
      const changed = webhooks.endpoints.update(
        id,
        { description: 'new' },
        { ifVersion: ifVersion as number },
      )
      await expect(changed).rejects.toMatchObject({ code: 'invalid_option' })
      expect(await webhooks.endpoints.get(id)).toMatchObject({ description: '', version: 1 })
    },
  )

  test.each([
    [{ page: 0 }, 'invalid_option'],
    [{ page: 1.5 }, 'invalid_option'],
    [{ limit: 0 }, 'invalid_option'],
    [{ limit: 101 }, 'invalid_option'],
    [{ cursor: 'nonsense' }, 'invalid_cursor'],
    [{ cursor: 'a'.repeat(10_000) }, 'invalid_cursor'],
    // Of the deliveries, and of a page that no cursor leads to.
    [{ cursor: Buffer.from('dlv_1 2 9').toString('base64url') }, 'invalid_cursor'],
    [{ cursor: Buffer.from('ep_1 0 9').toString('base64url') }, 'invalid_cursor'],
  ])('a list with %j is refused', async (options, code) => {
    const { webhooks } = createTestWebhooks({ events })
    await expect(webhooks.endpoints.list(options)).rejects.toMatchObject({ code })
  })
})
