import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { scrubber } from '../../src/core/redaction/scrub.ts'
import {
  createWebhooks,
  defineEvents,
  memoryStorage,
  type Storage,
  type Transport,
  type TransportRequest,
  type TransportResult,
  WebhooksError,
} from '../../src/index.ts'
import { createTestWebhooks } from '../support.ts'

const url = 'https://shop.example/hooks'

const events = defineEvents({
  'user.created': z.object({
    email: z
      .string()
      .refine((text) => text.includes('@'), { error: ({ input }) => `${input} is no address` }),
    name: z.string(),
    phones: z.array(z.object({ number: z.string(), kind: z.string() })).optional(),
    card: z.object({ number: z.number() }).optional(),
  }),
})
const data = {
  email: 'ada@shop.example',
  name: 'Ada "the first"',
  phones: [
    { number: '+49 30 1234567', kind: 'home' },
    { number: '+49 30 7654321', kind: 'work' },
  ],
  card: { number: 4_111_111_111_111_111 },
}
const payloadPaths = ['email', 'phones.*.number', 'card', 'name']

describe('an attempt in the log', () => {
  /** Sends one event to a receiver that answers like this, and returns how that is recorded. */
  async function record(
    answer: { status: number; headers?: Record<string, string>; body?: string },
    options: { headers?: Record<string, string>; payloadPaths?: string[] } = {},
  ) {
    const { payloadPaths } = options
    const world = createTestWebhooks({ events, ...(payloadPaths && { redact: { payloadPaths } }) })
    const { webhooks, receiver, settle } = world
    receiver(url).answer(answer)
    const headers = options.headers ?? {}
    await webhooks.endpoints.create({ url, events: ['*'], headers })
    await webhooks.emit('user.created', data)
    await settle()
    const [delivery] = (await webhooks.deliveries.list()).items
    const [attempt] = await webhooks.deliveries.attempts(delivery?.id ?? '')
    if (attempt === undefined) throw new Error('Nothing was recorded')
    return { attempt, delivery, request: receiver(url).requests[0] }
  }

  test('holds no part of what was sent as a secret, wherever it is repeated', async () => {
    const secrets: string[] = []
    /** A receiver that takes apart what it gets, and shows it on its error page. */
    const transport: Transport = {
      async send({ headers }) {
        const parts = Object.values(headers).flatMap((value) => value.split(/[ ,]+/))
        const body = [...parts, ...secrets].join('|')
        return { response: { status: 500, headers: {}, body, bodyTruncated: false }, error: null }
      },
      checkUrl: async () => {},
      close: async () => {},
    }
    const webhooks = createWebhooks({ events, storage: memoryStorage(), transport })
    const headers = { authorization: 'Bearer sesame-0815', 'x-keys': 'a1b2c3d4, e5f6g7h8' }
    const endpoint = await webhooks.endpoints.create({ url, events: ['*'], headers })
    secrets.push(endpoint.secret, (await webhooks.endpoints.rotateSecret(endpoint.id)).secret)
    const { response } = await webhooks.endpoints.test(endpoint.id)
    const shown = response?.body.split('|') ?? []
    // A token, two keys, two signatures and the secrets that made them.
    expect(shown.filter((part) => part === '[redacted]')).toHaveLength(7)
    expect(shown).toEqual(expect.arrayContaining(['Bearer', 'v1', 'application/json']))
    await webhooks.stop()
  })

  test.each([
    'set-cookie',
    'authorization',
    'www-authenticate',
    'proxy-authenticate',
    'authentication-info',
    'x-api-key',
    'x-apikey',
    'x-auth-token',
    'x-csrf-token',
    'x-session-id',
    'x-client-secret',
    'x-amz-credential',
    'webhook-signature',
    'x-password',
  ])('keeps of a response header %s the name alone', async (name) => {
    const { attempt } = await record({ status: 500, headers: { [name]: 'canary' } })
    expect(attempt.response?.headers).toEqual({ [name]: '[redacted]' })
  })

  test('keeps what helps to find a fault', async () => {
    const headers = { 'content-type': 'text/html', 'retry-after': '120', 'x-request-id': 'r-1' }
    const { attempt } = await record({ status: 503, headers, body: 'database is down' })
    expect(attempt.response).toMatchObject({ headers, body: 'database is down' })
  })

  test('hides what an error page repeats of our headers, also in JSON', async () => {
    const key = 'key "with" quotes \\ and more'
    const { attempt, request } = await record(
      {
        status: 500,
        headers: { 'x-debug': `got ${key}` },
        body: `${key} and ${JSON.stringify({ headers: { 'x-api-key': key } })}`,
      },
      { headers: { 'X-Api-Key': key } },
    )
    expect(request?.headers['x-api-key']).toBe(key)
    expect(attempt.requestHeaders['x-api-key']).toBe('[redacted]')
    expect(attempt.response?.headers).toEqual({ 'x-debug': 'got [redacted]' })
    expect(attempt.response?.body).toBe('[redacted] and {"headers":{"x-api-key":"[redacted]"}}')
  })

  /** Sends a test event through a transport of the host's, and returns how that is recorded. */
  async function testThrough(send: Transport['send']) {
    const webhooks = createWebhooks({
      events,
      storage: memoryStorage(),
      transport: { send, checkUrl: async () => {}, close: async () => {} },
      signing: { custom: { header: 'x-old-signature', prefix: 'sha256=' } },
    })
    const headers = { 'X-Api-Key': 'canary' }
    const { id } = await webhooks.endpoints.create({ url, events: ['*'], headers })
    return webhooks.endpoints.test(id)
  }

  const isLeak = /canary|v1,\S{44}|sha256=\w{64}/

  test('hides our signatures where a receiver sends them back', async () => {
    const attempt = await testThrough(async ({ headers }) => {
      const body = JSON.stringify(headers)
      expect(body).toMatch(isLeak)
      return {
        response: { status: 500, headers: { 'x-echo': body }, body, bodyTruncated: false },
        error: null,
      }
    })
    expect(attempt.response?.body).toContain('"x-old-signature":"[redacted]"')
    expect(attempt.response?.body).toContain('"webhook-signature":"[redacted]"')
    expect(inspect(attempt, { depth: 10 })).not.toMatch(isLeak)
  })

  test.each([
    [
      'says',
      async ({ headers }: TransportRequest): Promise<TransportResult> => {
        const message = `could not send ${JSON.stringify(headers)}`
        return { response: null, error: { code: 'connection_failed', message, origin: 'network' } }
      },
    ],
    [
      'throws',
      ({ headers }: TransportRequest): Promise<TransportResult> =>
        Promise.reject(new Error(`could not send ${JSON.stringify(headers)}`)),
    ],
  ])('hides them in what a transport %s', async (_, send) => {
    const attempt = await testThrough(send)
    expect(attempt.error?.message).toContain('could not send')
    expect(inspect(attempt, { depth: 10 })).not.toMatch(isLeak)
  })

  test('a pause is kept to even where its number is also a header of the endpoint', async () => {
    const { attempt, delivery } = await record(
      { status: 503, headers: { 'retry-after': '3600' } },
      { headers: { 'X-Number': '3600' } },
    )
    expect(attempt.response?.headers).toEqual({ 'retry-after': '3600' })
    const waits = Number(delivery?.nextAttemptAt) - Number(attempt.startedAt)
    expect(waits).toBeGreaterThanOrEqual(3_600_000)
  })

  test('hides chosen fields of the payload that an answer repeats', async () => {
    const { attempt, request } = await record(
      { status: 500, body: `could not store ${JSON.stringify(data)}, ${data.name}` },
      { payloadPaths },
    )
    expect(request?.data).toEqual(data)
    expect(attempt.response?.body).toBe(
      'could not store {"email":"[redacted]","name":"[redacted]","phones":[{"number":"[redacted]",' +
        '"kind":"home"},{"number":"[redacted]","kind":"work"}],"card":{"number":[redacted]}}, [redacted]',
    )
  })
})

test.each(['create', 'update'])(
  '%s takes no credentials in a URL, whatever the transport thinks of them',
  async (call) => {
    const { webhooks } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    for (const userinfo of ['user:canary', 'canary', ':canary', '%63anary']) {
      const given = { url: `https://${userinfo}@shop.example/`, events: ['*'] }
      const error: unknown = await (call === 'create'
        ? webhooks.endpoints.create(given)
        : webhooks.endpoints.update(id, given)
      ).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'invalid_url' })
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('anary')
    }
  },
)

describe('chosen payload fields', () => {
  test('are sent and stored as they are, and hidden from those who look', async () => {
    const storage = memoryStorage()
    const { webhooks, receiver, settle } = createTestWebhooks({
      events,
      storage,
      redact: { payloadPaths },
    })
    await webhooks.endpoints.create({ url, events: ['*'] })
    const { id } = await webhooks.emit('user.created', data)
    await settle()
    expect(receiver(url).requests[0]?.data).toEqual(data)
    const shown = {
      email: '[redacted]',
      name: '[redacted]',
      phones: [
        { number: '[redacted]', kind: 'home' },
        { number: '[redacted]', kind: 'work' },
      ],
      card: '[redacted]',
    }
    const listed = (await webhooks.events.list()).items[0]
    const got = await webhooks.events.get(id)
    for (const event of [listed, got]) {
      expect(JSON.parse(event?.body ?? '')).toMatchObject({ type: 'user.created', data: shown })
    }
    const [stored] = await storage.getEvents({ tenantId: 'default', ids: [id] })
    expect(stored?.body).toContain(data.email)
  })

  test('are shown where nothing was chosen, byte for byte as sent', async () => {
    const { webhooks, receiver, settle } = createTestWebhooks({ events })
    await webhooks.endpoints.create({ url, events: ['*'] })
    const { id } = await webhooks.emit('user.created', data)
    await settle()
    expect((await webhooks.events.get(id)).body).toBe(receiver(url).requests[0]?.body)
  })

  test('do not stand in the findings of a schema that quotes what it refuses', async () => {
    const { webhooks } = createTestWebhooks({ events, redact: { payloadPaths } })
    const wrong = { ...data, email: 'canary-4711' }
    for (const call of [
      () => webhooks.emit('user.created', wrong),
      () => webhooks.emitMany([{ type: 'user.created', data: wrong }]),
      () => webhooks.explain('user.created', wrong),
    ]) {
      const error: unknown = await call().catch((error: unknown) => error)
      expect(error).toMatchObject({
        code: 'invalid_payload',
        issues: [{ path: ['email'], message: '[redacted] is no address' }],
      })
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-4711')
    }
  })

  test('a schema that throws does not bring them out either', async () => {
    const throwing = defineEvents({
      'user.created': z.object({ email: z.string() }).transform(({ email }) => {
        throw new Error(`cannot handle ${email}`)
      }),
    })
    const { webhooks } = createTestWebhooks({ events: throwing, redact: { payloadPaths } })
    const error: unknown = await webhooks
      .emit('user.created', { email: 'canary-4711' })
      .catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'invalid_payload',
      cause: { message: 'cannot handle [redacted]' },
    })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-4711')
  })

  test('filters still see them', async () => {
    const { webhooks } = createTestWebhooks({ events, redact: { payloadPaths } })
    const filter = { path: 'email', equals: data.email }
    await webhooks.endpoints.create({ url, events: ['*'], filter })
    const [explanation] = await webhooks.explain('user.created', data)
    expect(explanation).toMatchObject({ receives: true, rule: 'pattern *, filter matches' })
  })

  test.each([
    ['no list', 'email'],
    ['an empty path', ['']],
    ['an empty key', ['a..b']],
    ['a number', [1]],
    ['a path beyond 256 characters', ['x'.repeat(257)]],
    ['51 paths', Array.from({ length: 51 }, (_, index) => `path${index}`)],
  ])('%s is refused', (_, given) => {
    const create = () => createTestWebhooks({ events, redact: { payloadPaths: given as string[] } })
    expect(create).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })

  test('a path that leads nowhere changes nothing, whatever it is called', async () => {
    const { webhooks } = createTestWebhooks({
      events,
      redact: {
        payloadPaths: [
          '__proto__.toString',
          '__proto__.*',
          'constructor.name',
          'email.length',
          'phones.9.number',
        ],
      },
    })
    const { id } = await webhooks.emit('user.created', data)
    expect(JSON.parse((await webhooks.events.get(id)).body)).toMatchObject({ data })
    expect(typeof Object.prototype.toString).toBe('function')
  })
})

describe("a storage's error", () => {
  /** A storage whose driver tells everything it was given, in every place that errors have. */
  function tellingStorage(fails: keyof Storage): Storage {
    const storage = memoryStorage()
    return {
      ...storage,
      async [fails](params: unknown) {
        const values = JSON.stringify(params)
        const cause = Object.assign(new Error(`bound: ${values}`), { parameters: [values] })
        throw Object.assign(new Error(`insert failed: ${values}\n    at ${values}`, { cause }), {
          code: '23505',
          errno: 5,
          detail: values,
          sql: `INSERT ${values}`,
          query: { values: params },
        })
      },
    }
  }

  async function failureOf(fails: keyof Storage): Promise<WebhooksError> {
    const storage = tellingStorage(fails)
    const world = createTestWebhooks({ events, storage, redact: { payloadPaths } })
    const { webhooks, advance } = world
    const headers = { 'X-Api-Key': 'canary "key"' }
    const secret = `whsec_${Buffer.from('canary-of-24-bytes-or-so').toString('base64')}`
    const failure: Promise<unknown> = webhooks.endpoints
      .create({ url, events: ['*'], headers, secret })
      .then(({ id }) => webhooks.endpoints.update(id, { headers }))
      .then(() => webhooks.emit('user.created', { email: 'canary@x', name: 'canary' }))
      .catch((error: unknown) => error)
    // A failed insert of events is tried again before the caller is told.
    for (let wait = 0; wait < 10; wait++) await advance({ seconds: 1 })
    const error = await failure
    const everything = inspect(error, { depth: 20, showHidden: true })
    expect(everything).not.toContain('canary')
    expect(everything).not.toContain(secret)
    if (error instanceof WebhooksError) return error
    throw new Error(`${fails} did not fail`)
  }

  test.each(['insertEndpoint', 'updateEndpoint', 'insertEvents'] as const)(
    'of %s says what is wrong, and nothing that it was given',
    async (fails) => {
      const error = await failureOf(fails)
      expect(error.code).toBe('storage_failed')
      expect(error.message).toContain(`The storage failed in ${fails}: insert failed: `)
      expect(error.cause).toMatchObject({ code: '23505', errno: 5 })
      expect(error.cause).not.toHaveProperty('query')
      expect(error.cause).toHaveProperty(['cause', 'message'])
    },
  )

  test('keeps its name, its place in the code and both ends of a long message', async () => {
    class DriverError extends Error {
      override readonly name = 'DriverError'
    }
    const thrown = new DriverError(`begin ${'x'.repeat(5_000)} end`)
    const storage: Storage = {
      ...memoryStorage(),
      getEndpoint: () => Promise.reject(thrown),
    }
    const { webhooks } = createTestWebhooks({ events, storage })
    const error: unknown = await webhooks.endpoints.get('ep_1').catch((error: unknown) => error)
    const cause = error instanceof WebhooksError ? error.cause : undefined
    expect(cause).toMatchObject({ name: 'DriverError', message: /^begin x+ … x+ end$/ })
    expect(cause).toHaveProperty('stack', expect.stringContaining('redaction.test.ts'))
  })

  test('may be anything that can be thrown', async () => {
    const looped = new Error('looped')
    looped.cause = looped
    const nameless = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    for (const [thrown, words] of [
      [looped, 'looped'],
      [nameless, 'ECONNREFUSED'],
      ['a text', 'a text'],
      [undefined, 'a thrown undefined'],
      [Object.create(null), 'a thrown object'],
    ] as const) {
      const storage = { ...memoryStorage(), getEndpoint: () => Promise.reject(thrown) }
      const { webhooks } = createTestWebhooks({ events, storage })
      await expect(webhooks.endpoints.get('ep_1')).rejects.toMatchObject({
        code: 'storage_failed',
        message: `The storage failed in getEndpoint: ${words}`,
      })
    }
  })
})

describe('scrubber', () => {
  test('leaves none of its texts, and what is around them as it was', () => {
    const secret = fc.string({ minLength: 4, maxLength: 20 })
    const around = fc.stringMatching(/^[a-z ]{0,20}$/)
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1 }), around, around, (secrets, before, after) => {
        fc.pre(secrets.every((text) => !'[redacted]'.includes(text) && !/^[a-z ]+$/.test(text)))
        const scrub = scrubber(secrets)
        for (const text of secrets) {
          expect(scrub(`${before}${text}${after}`)).not.toContain(text)
          expect(scrub(JSON.stringify({ text }))).not.toContain(text)
        }
        expect(scrub(before + after)).toBe(before + after)
      }),
    )
  })

  test('takes the longer of two texts first', () => {
    expect(scrubber(['secret', 'secret-2'])('a secret-2, a secret')).toBe(
      'a [redacted], a [redacted]',
    )
  })

  test('leaves short texts: they turn up by chance', () => {
    expect(scrubber(['on', ''])('one on one')).toBe('one on one')
  })
})
