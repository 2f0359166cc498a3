/** What is refused before anything is written: each of these once did something silently instead. */
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createWebhooks,
  defineEvents,
  httpTransport,
  isWebhooksError,
  memoryStorage,
  pollingScheduler,
  type WebhooksErrorCode,
} from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import { createReceiver, memoryIdempotency, verify } from '../../src/receiver/index.ts'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import { pgBossScheduler } from '../../src/scheduling/pg-boss/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'

/** What a caller without types may write. */
function untyped<Value>(value: unknown): Value {
  return value as Value
}

async function expectRefusal(
  call: () => unknown,
  code: WebhooksErrorCode,
  message: RegExp | string = /\w/,
): Promise<void> {
  const error: unknown = await (async () => call())().then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  )
  expect(isWebhooksError(error, code), String(error)).toBe(true)
  expect((error as Error).message).toMatch(message)
}

describe('createWebhooks', () => {
  test.each([
    [{ encrypt: { keys: [] } }, /no "encrypt"/],
    [{ events: undefined }, /events has no parse\(\)/],
    [{ events: { 'order.paid': z.object({}) } }, /defineEvents/],
    [{ storage: undefined }, /such as memoryStorage\(\)/],
    [{ storage: memoryStorage }, /storage has no open/],
    [{ storage: 'webhooks.db' }, /storage has no open/],
    [{ transport: fetch }, /such as httpTransport\(\)/],
    [{ scheduler: 'polling' }, /scheduler has no start/],
    [{ logger: {} }, /such as console/],
    [{ clock: {} }, /clock has no now/],
    [{ telemetry: true }, /such as openTelemetry\(\)/],
    [{ redaction: {} }, /no "redaction"/],
    [{ limit: {} }, /did you mean "limits"/],
    [{ redact: { paths: ['user.email'] } }, /no "paths"/],
    [{ redact: ['user.email'] }, /redact takes an object/],
    [{ encryption: { key: 'x' } }, /did you mean "keys"/],
    [{ signing: { costum: {} } }, /did you mean "custom"/],
    [{ signing: { custom: { header: 'x-signature', prefx: 'v1=' } } }, /did you mean "prefix"/],
    [{ retry: 3 }, /retry takes an object/],
    [{ retry: 'never' }, /retry takes an object/],
    [{ retry: [1, 2] }, /retry takes an object/],
    [{ retry: { attempts: 3 } }, /no "attempts"/],
    [{ disable: true }, /disable takes an object/],
    [{ disable: { after: 5 } }, /did you mean "afterMs"/],
    [{ disable: { afterMs: -1 } }, /disable.afterMs/],
    [{ disable: { afterMs: '5 days' } }, /disable.afterMs/],
    [{ disable: { attempts: 0 } }, /disable.attempts/],
    [{ limits: { timeoutMs: 2 ** 31, leaseMs: 2 ** 32 } }, /at most/],
    [{ limits: { leaseMs: 9e15 } }, /limits.leaseMs must be \d+ at most/],
    [{ userAgent: 'a\r\nb: c' }, /userAgent/],
    [{ userAgent: 'Zürich' }, /userAgent/],
    [{ userAgent: 5 }, /userAgent/],
    [{ transport: httpTransport(), addressGuard: { httpsOnly: true } }, /addressGuard/],
  ])('%o', async (options, message) => {
    const all = untyped<Parameters<typeof createWebhooks>[0]>({
      events,
      storage: memoryStorage(),
      ...options,
    })
    await expectRefusal(() => createWebhooks(all), 'invalid_option', message)
  })

  test('takes what is left out for the default, also where it is named', async () => {
    const { webhooks, receiver, advance } = createTestWebhooks({
      events,
      disable: { afterMs: undefined, attempts: undefined },
      retry: { delaysMs: Array(30).fill(6 * 3_600_000), jitter: undefined },
    })
    receiver(url).answer(...Array<500>(40).fill(500))
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await advance({ days: 6 })
    expect((await webhooks.endpoints.get(id)).disabledReason).toBe('failing')
  })
})

describe('an emit', () => {
  const loose = defineEvents({ any: z.any() })

  test.each([
    ['a misspelt tenant', { tenantID: 'acme' }, /did you mean "tenantId"/],
    ['a misspelt key', { idempotenceKey: 'k' }, /did you mean "idempotencyKey"/],
    ['a text', 'acme', /emit takes an object/],
    ['a list', [], /emit takes an object/],
  ])('with %s', async (_, options, message) => {
    const { webhooks } = createTestWebhooks({ events: loose })
    await expectRefusal(() => webhooks.emit('any', 1, untyped(options)), 'invalid_option', message)
    const many = untyped<Parameters<typeof webhooks.emitMany>[0]>([
      {
        type: 'any',
        data: 1,
        ...untyped<object>(typeof options === 'string' ? { x: 1 } : options),
      },
    ])
    if (!Array.isArray(options))
      await expectRefusal(() => webhooks.emitMany(many), 'invalid_option')
    expect((await webhooks.events.list()).total).toBe(0)
  })

  test('of what no JSON can say because it is too deep, or throws', async () => {
    const { webhooks } = createTestWebhooks({ events: loose })
    let deep: unknown = 1
    for (let depth = 0; depth < 20_000; depth++) deep = [deep]
    const throwing = {
      toJSON() {
        throw new Error('not today')
      },
    }
    await expectRefusal(() => webhooks.emit('any', deep), 'payload_not_serializable', /too deeply/)
    await expectRefusal(() => webhooks.emit('any', throwing), 'payload_not_serializable', /threw/)
    expect((await webhooks.events.list()).total).toBe(0)
  })

  test('in a transaction that the memory storage does not have', async () => {
    const { webhooks } = createTestWebhooks({ events })
    const options = untyped<object>({ transaction: {} })
    const emit = () => webhooks.emit('order.paid', { orderId: 'o1' }, options)
    await expectRefusal(emit, 'transaction_unsupported')
    expect((await webhooks.events.list()).total).toBe(0)
  })
})

describe.each([
  ['memory', () => memoryStorage()],
  ['SQLite', () => sqliteStorage({ path: ':memory:' })],
] as const)('an endpoint over %s', (_, createStorage) => {
  test.each([
    [{ headers: new Headers({ authorization: 'Bearer x' }) }, 'invalid_header'],
    [{ headers: new Map([['authorization', 'Bearer x']]) }, 'invalid_header'],
    [{ active: 'false' }, 'invalid_option'],
    [{ active: null }, 'invalid_option'],
    [{ retry: { attempts: 3 } }, 'invalid_option'],
    [{ signature: 'v2', secret: `whsec_${Buffer.alloc(24).toString('base64')}` }, 'invalid_option'],
    [
      { signature: 'v1a', secret: `whsec_${Buffer.alloc(24).toString('base64')}` },
      'invalid_secret',
    ],
    [{ url: ' https://shop.example/hooks' }, 'invalid_url'],
    [{ url: 'https://shop.example/ho\noks' }, 'invalid_url'],
    [{ event: ['*'] }, 'invalid_option'],
  ] as const)('%o', async (input, code) => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    await expectRefusal(
      () => webhooks.endpoints.create(untyped({ url, events: ['*'], ...input })),
      code,
    )
    expect((await webhooks.endpoints.list()).total).toBe(0)
  })

  test('is listed by a boolean only, and changed by its own settings only', async () => {
    const { webhooks } = createTestWebhooks({ events, storage: createStorage() })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    await expectRefusal(
      () => webhooks.endpoints.list(untyped({ active: 'true' })),
      'invalid_option',
    )
    await expectRefusal(
      () => webhooks.endpoints.update(id, untyped({ active: false })),
      'invalid_option',
    )
    expect((await webhooks.endpoints.get(id)).version).toBe(1)
  })
})

describe('later calls', () => {
  test.each([
    [
      'recover',
      (w: Instance) => w.recover(untyped({ endpointId: 'ep_1', since: new Date(0), dryrun: true })),
    ],
    ['recover without anything', (w: Instance) => w.recover(untyped(undefined))],
    ['drain without anything', (w: Instance) => w.drain(untyped(undefined))],
    ['drain until no instant', (w: Instance) => w.drain({ deadline: new Date(Number.NaN) })],
    ['prune without anything', (w: Instance) => w.prune(untyped(undefined))],
    ['stats of a span that ends before it begins', statsBackwards],
    ['stats of no endpoint', (w: Instance) => w.stats({ endpointId: untyped({}) })],
    ['deliveries of no type', (w: Instance) => w.deliveries.list({ type: untyped(5) })],
    ['events of no type', (w: Instance) => w.events.list({ type: untyped(null) })],
    ['emitMany without a list', (w: Instance) => w.emitMany(untyped(null))],
    ['emitMany of nothing', (w: Instance) => w.emitMany(untyped([null]))],
    [
      'a misspelt name to listen to',
      (w: Instance) => w.on(untyped<'delivery.failed'>('delivery.succeded'), () => {}),
    ],
    ['no listener', (w: Instance) => w.on('delivery.failed', untyped(undefined))],
  ] as const)('%s', async (_, call) => {
    const { webhooks } = createTestWebhooks({ events })
    await expectRefusal(() => call(webhooks), 'invalid_option')
  })

  test.each([['zzz'], [''], [5], ['evt_1']])('reencrypt from %o', async (cursor) => {
    const keys = [Buffer.alloc(32, 1)]
    const { webhooks } = createTestWebhooks({ events, encryption: { keys } })
    await expectRefusal(() => webhooks.reencrypt({ cursor: untyped(cursor) }), 'invalid_cursor')
    await expectRefusal(() => webhooks.reencrypt({ limit: 1.5 }), 'invalid_option')
  })

  test('a retry to an endpoint that gets nothing leaves the record as it is', async () => {
    const { webhooks, settle } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    const [before] = (await webhooks.deliveries.list()).items
    const retry = () => webhooks.deliveries.retry(before?.id ?? '')
    await webhooks.endpoints.disable(id)
    await expectRefusal(retry, 'conflict', /enable it first/)
    await webhooks.endpoints.delete(id)
    await expectRefusal(retry, 'conflict', /deleted/)
    await settle()
    expect((await webhooks.deliveries.list()).items).toEqual([before])
    expect(before?.status).toBe('succeeded')
  })
})

type Instance = ReturnType<typeof createTestWebhooks<typeof events>>['webhooks']

function statsBackwards(webhooks: Instance) {
  return webhooks.stats({ since: new Date('2026-01-02'), until: new Date('2026-01-01') })
}

/** Every call that takes options, but those that are tried above. */
const callsWithOptions: [name: string, (webhooks: Instance, options: never) => unknown][] = [
  ['endpoints.get', ({ endpoints }, options) => endpoints.get('ep_1', options)],
  ['endpoints.list', ({ endpoints }, options) => endpoints.list(options)],
  ['endpoints.update', ({ endpoints }, options) => endpoints.update('ep_1', {}, options)],
  ['endpoints.delete', ({ endpoints }, options) => endpoints.delete('ep_1', options)],
  ['endpoints.enable', ({ endpoints }, options) => endpoints.enable('ep_1', options)],
  ['endpoints.disable', ({ endpoints }, options) => endpoints.disable('ep_1', options)],
  ['endpoints.rotateSecret', ({ endpoints }, options) => endpoints.rotateSecret('ep_1', options)],
  ['endpoints.test', ({ endpoints }, options) => endpoints.test('ep_1', options)],
  ['endpoints.reencrypt', ({ endpoints }, options) => endpoints.reencrypt(options)],
  ['deliveries.get', ({ deliveries }, options) => deliveries.get('dlv_1', options)],
  ['deliveries.list', ({ deliveries }, options) => deliveries.list(options)],
  ['deliveries.attempts', ({ deliveries }, options) => deliveries.attempts('dlv_1', options)],
  ['deliveries.retry', ({ deliveries }, options) => deliveries.retry('dlv_1', options)],
  ['deliveries.cancel', ({ deliveries }, options) => deliveries.cancel('dlv_1', options)],
  ['events.get', (webhooks, options) => webhooks.events.get('evt_1', options)],
  ['events.list', (webhooks, options) => webhooks.events.list(options)],
  ['stats', ({ stats }, options) => stats(options)],
  ['explain', ({ explain }, options) => explain('order.paid', { orderId: 'o1' }, options)],
  ['emit', ({ emit }, options) => emit('order.paid', { orderId: 'o1' }, options)],
  ['emitMany', ({ emitMany }, options) => emitMany([], options)],
  ['recover', ({ recover }, options) => recover(options)],
  ['reencrypt', ({ reencrypt }, options) => reencrypt(options)],
]

describe.each(callsWithOptions)('%s', (name, call) => {
  const encryption = { keys: [Buffer.alloc(32, 7).toString('base64')] }

  test('takes no option of another name: it would be about another tenant, or about all', async () => {
    const { webhooks } = createTestWebhooks({ events, encryption })
    for (const face of [webhooks, webhooks.forTenant('acme') as Instance]) {
      if (name === 'reencrypt' && face !== webhooks) continue
      const message = new RegExp(`${name} takes no "tenantID"`)
      await expectRefusal(
        () => call(face, { tenantID: 'acme' } as never),
        'invalid_option',
        message,
      )
      const object = new RegExp(`${name} takes an object`)
      await expectRefusal(() => call(face, null as never), 'invalid_option', object)
    }
  })
})

describe('a part', () => {
  test.each([
    [() => sqliteStorage(untyped({ path: ':memory:', synchronus: 'normal' })), /"synchronous"/],
    [() => postgresStorage(untyped({ pool: {}, shema: 'own' })), /"schema"/],
    [() => pollingScheduler(untyped({ interval: 5 })), /"interval"/],
    [() => bullmqScheduler(untyped({ connection: {}, queue: 'own' })), /no "queue"/],
    [() => pgBossScheduler(untyped({ boss: {}, queue: 'own' })), /no "queue"/],
    [() => openTelemetry(untyped({ sendTraceParent: true })), /"sendTraceparent"/],
    [() => httpTransport(untyped({ addresGuard: {} })), /"addressGuard"/],
    [
      () => createReceiver(untyped<never>({ secrets: [], handlers: {}, idempotncy: false })),
      /"idempotency"/,
    ],
    [() => verify('', {}, [], untyped({ tolerance: 1 })), /no "tolerance"/],
    [() => sqliteStorage(untyped(undefined)), /takes an object/],
    [() => postgresStorage(untyped(null)), /takes an object/],
    [() => createReceiver(untyped<never>(undefined)), /takes an object/],
  ])('%s', async (make, message) => {
    await expectRefusal(make, 'invalid_option', message)
  })
})

describe('a test', () => {
  test.each([
    { hours: Number.NaN },
    { days: -1 },
    untyped<{ days: number }>({ dayz: 1 }),
    untyped<{ days: number }>(5),
  ])('that advances by %o', async (duration) => {
    const { advance } = createTestWebhooks({ events })
    await expectRefusal(() => advance(duration), 'invalid_option')
  })
})

test.each([0, -1, 1.5, Number.NaN])('a receiver that remembers %o ids', async (capacity) => {
  await expectRefusal(() => memoryIdempotency({ capacity }), 'invalid_option')
})

describe('rotating a secret', () => {
  test('with no overlap ends every secret before, also one in an overlap', async () => {
    const storage = memoryStorage()
    const { webhooks, requests } = createTestWebhooks({ events, storage })
    const first = await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.endpoints.rotateSecret(first.id)
    // Another process that was given no overlap, as after a leak.
    const limits = { rotationOverlapMs: 0 }
    const strict = createTestWebhooks({ events, storage, limits, seed: 2 })
    const last = await strict.webhooks.endpoints.rotateSecret(first.id)
    await strict.webhooks.endpoints.test(first.id)
    const [request] = strict.requests
    expect(requests).toEqual([])
    expect(request?.headers['webhook-signature']?.split(' ')).toHaveLength(1)
    const now = strict.now()
    const { body = '', headers = {} } = request ?? {}
    await verify(body, headers, last.secret, { now })
    await expect(verify(body, headers, first.secret, { now })).rejects.toThrow()
  })

  test('again and again leaves ten that sign: receivers take headers of some length only', async () => {
    const { webhooks, requests } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    for (let n = 0; n < 30; n++) await webhooks.endpoints.rotateSecret(id)
    await webhooks.endpoints.test(id)
    expect(requests[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(10)
  })
})
