/**
 * No input makes us slow: every expression is linear by its form, and none but the plainest ever
 * sees a text whose length a stranger chooses. Counted, not timed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { matchesFilter } from '../../src/core/matching/filter.ts'
import {
  createAddressGuard,
  createWebhooks,
  defineEvents,
  type Filter,
  matchesPattern,
  memoryStorage,
  sign,
  type TransportResult,
} from '../../src/index.ts'
import { verify } from '../../src/receiver/index.ts'
import { root } from '../docs/markdown.ts'

const million = 1_000_000
/** What a regular expression may see of a stranger's text: the longest URL and the like. */
const longest = 8_192

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const url = 'https://shop.example/hooks'

/** Texts that make careless expressions backtrack, and end so that they do not match. */
const hostileTexts = [
  'a'.repeat(million),
  `${'a'.repeat(million)}!`,
  `${'a.'.repeat(million / 2)}!`,
  `${' '.repeat(million)}x\n`,
  `${'0'.repeat(million)}x`,
  `${'=A'.repeat(million / 2)}=`,
  `whsec_${'A'.repeat(million)}=`,
  `https://${'a'.repeat(million)}.example/`,
  '*'.repeat(million),
  `evt_${'a'.repeat(million)} 1 1`,
  Buffer.from(`ep_${'a'.repeat(million)} 1 1`).toString('base64url'),
]

describe('regular expressions', () => {
  /** The longest text that each of them has seen. */
  const seen = new Map<string, number>()
  const exec = RegExp.prototype.exec
  beforeEach(() => {
    seen.clear()
    // `test`, `match`, `replace` and `split` go through it as well.
    vi.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, text: string) {
      seen.set(this.source, Math.max(seen.get(this.source) ?? 0, String(text).length))
      return exec.call(this, text)
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** One class repeated from end to end, with nothing to go back to: `^\d+$`. */
  const isOnePass = (source: string) => /^\^(?:\\.|\[(?:\\.|[^\]\\])*\])[*+]\$$/.test(source)
  /** Nothing in it repeats without end: a bounded number of steps at each character. */
  const isBounded = (source: string) =>
    !/[*+]|\{\d+,\}/.test(source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x'))

  function expectBounded(): void {
    vi.restoreAllMocks()
    const long = [...seen].filter(([, length]) => length > longest).map(([source]) => source)
    expect(long.filter((source) => !isOnePass(source) && !isBounded(source))).toEqual([])
  }

  test('the search sees what it looks for', () => {
    expect(/(?:a+)+b/.test('b'.repeat(longest + 1))).toBe(false)
    vi.restoreAllMocks()
    expect(seen.get('(?:a+)+b')).toBe(longest + 1)
    expect(['^\\d+$', '^[+*]*$', '\\s+$', '(?:a+)+b'].map(isOnePass)).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(['^a{1,5}$', '[+*]\\+', 'a{2,}', 'ab*'].map(isBounded)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  test.each(hostileTexts.map((text) => [`${text.slice(0, 12)}…`, text] as const))(
    'see no more than they can take of %s',
    async (_, text) => {
      const webhooks = createWebhooks({
        events,
        storage: memoryStorage(),
        transport: transportAnswering(text),
      })
      const { endpoints, deliveries } = webhooks
      const { id } = await endpoints.create({ url, events: ['*'] })
      const given = { url, events: ['*'] }
      const data = { orderId: text }
      const filterOf = (filter: unknown) => ({ ...given, filter: filter as Filter })
      const guard = createAddressGuard({ lookup: async () => ['203.0.113.1'] })
      const calls: (() => unknown)[] = [
        () => matchesPattern(text, text),
        () => matchesPattern('a.*', text),
        () => endpoints.create({ ...given, url: text }),
        () => endpoints.create({ ...given, events: [text] }),
        () => endpoints.create({ ...given, channels: [text] }),
        () => endpoints.create({ ...given, description: text }),
        () => endpoints.create({ ...given, headers: { [text]: 'x' } }),
        () => endpoints.create({ ...given, headers: { 'x-a': text } }),
        () => endpoints.create({ ...given, metadata: { [text]: text } }),
        () => endpoints.create({ ...given, secret: text }),
        () => endpoints.create({ ...given, tenantId: text }),
        () => endpoints.create(filterOf({ path: text, equals: 1 })),
        () => endpoints.create(filterOf({ path: 'a', equals: text })),
        () => endpoints.create(filterOf({ path: 'a', [text]: 1 })),
        () => endpoints.rotateSecret(id, { secret: text }),
        () => endpoints.list({ cursor: text }),
        () => endpoints.get(text),
        () => deliveries.list({ type: text, endpointId: text, status: text as 'pending' }),
        () => webhooks.forTenant(text),
        () => webhooks.events.get(text),
        () => webhooks.emit(text as 'order.paid', data),
        () => webhooks.emit('order.paid', data),
        () => webhooks.emit('order.paid', { orderId: 'x' }, { idempotencyKey: text }),
        () => webhooks.emit('order.paid', { orderId: 'x' }, { channels: [text] }),
        () => webhooks.explain(text as 'order.paid', data),
        () => endpoints.test(id),
        () => sign({ id: text, timestamp: new Date(), body: text, secrets: text }),
        () => defineEvents({ [text]: z.string() } as never),
        () =>
          createWebhooks({ events, storage: memoryStorage(), redact: { payloadPaths: [text] } }),
        () => createWebhooks({ events, storage: memoryStorage(), encryption: { keys: [text] } }),
        () =>
          createWebhooks({
            events,
            storage: memoryStorage(),
            signing: { custom: { header: text, prefix: text } },
          }),
        () => guard.check(text),
        ...verifications(text),
      ]
      // What is refused, and what is done: both in one pass.
      for (const call of calls)
        await Promise.resolve()
          .then(call)
          .catch(() => {})
      expect(seen.size).toBeGreaterThan(5)
      expectBounded()
    },
  )

  function transportAnswering(text: string) {
    const headers = { 'retry-after': text, [text]: text, 'set-cookie': text }
    const response = { status: 503, headers, body: text, bodyTruncated: false }
    const answer: TransportResult = { response, error: null }
    return { send: async () => answer, checkUrl: async () => {}, close: async () => {} }
  }

  function verifications(text: string): (() => unknown)[] {
    const secret = `whsec_${'A'.repeat(32)}`
    const now = String(Math.floor(Date.now() / 1000))
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': now,
      'webhook-signature': 'v1,AAAA',
    }
    return [
      ...Object.keys(headers).map(
        (name) => () => verify('{}', { ...headers, [name]: text }, secret),
      ),
      () => verify(text, headers, secret),
      () => verify('{}', headers, text),
    ]
  }

  /** A repeated group with a repetition inside: what can be read in exponentially many ways. */
  function hasNestedRepetition(source: string): boolean {
    const plain = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x')
    const group = /\((?:[^()]|\([^()]*\))*[*+}](?:[^()]|\([^()]*\))*\)(?:[*+]|\{\d+,)/
    return exec.call(group, plain) !== null
  }

  test('none repeats a repetition, unless a character keeps the rounds apart', () => {
    vi.restoreAllMocks()
    expect(hasNestedRepetition('^(a+)+$')).toBe(true)
    expect(hasNestedRepetition('(?:x{2,}y*){3,}')).toBe(true)
    expect(hasNestedRepetition('^(a+)?b*$')).toBe(false)
    const apart = ['^[a-zA-Z0-9_]+(?:\\.[a-zA-Z0-9_]+)*$']
    const found = expressionsOfSource().filter(hasNestedRepetition)
    expect(found.filter((source) => !apart.includes(source))).toEqual([])
    expect(found).toEqual(expect.arrayContaining(apart))
  })
})

/** The regular expressions of all that we ship. */
function expressionsOfSource(): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const found: string[] = []
  for (const file of files.filter((path) => path.endsWith('.ts'))) {
    const text = readFileSync(join(root, 'src', file), 'utf8')
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        found.push(node.text.slice(1, node.text.lastIndexOf('/')))
      }
      ts.forEachChild(node, visit)
    }
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest))
  }
  return found
}

describe('filters', () => {
  /** A list that counts how often it is looked at. */
  function counted<Item>(items: Item[]): { items: Item[]; reads: () => number } {
    let reads = 0
    const proxy = new Proxy(items, {
      get(target, key, self) {
        reads++
        return Reflect.get(target, key, self)
      },
    })
    return { items: proxy, reads: () => reads }
  }

  async function refusedFilter(filter: unknown): Promise<{ issues: unknown[] }> {
    const webhooks = createWebhooks({ events, storage: memoryStorage() })
    return webhooks.endpoints
      .create({ url, events: ['*'], filter: filter as Filter })
      .then(() => Promise.reject(new Error('It was accepted')))
      .catch((error: { issues: unknown[] }) => error)
  }

  test.each([
    ['values', (items: unknown[]) => ({ path: 'a', in: items }), 1],
    ['bad values', (items: unknown[]) => ({ path: 'a', in: items }), {}],
    ['conditions', (items: unknown[]) => ({ or: items }), { path: 'a', equals: 1 }],
    ['bad conditions', (items: unknown[]) => ({ and: items }), { path: 'a' }],
    ['nested filters', (items: unknown[]) => ({ and: items }), { and: [{ or: [{ not: 1 }] }] }],
  ])('a million %s: the walk ends at its allowance', async (_, filterOf, item) => {
    const { items, reads } = counted(Array.from({ length: million }, () => item))
    expect(await refusedFilter(filterOf(items))).toMatchObject({ code: 'invalid_filter' })
    expect(reads()).toBeGreaterThan(10)
    expect(reads()).toBeLessThan(1_000)
  })

  test('nesting beyond any stack is refused at the tenth level', async () => {
    let filter: unknown = { path: 'a', equals: 1 }
    for (let depth = 0; depth < 100_000; depth++) filter = { not: filter }
    expect(await refusedFilter(filter)).toMatchObject({ code: 'invalid_filter' })
  })

  test('a condition looks at the keys of its path, and at no others', () => {
    const looked: (string | symbol)[] = []
    const spy = <Value extends object>(value: Value): Value =>
      new Proxy(value, {
        getOwnPropertyDescriptor(target, key) {
          looked.push(key)
          return Reflect.getOwnPropertyDescriptor(target, key)
        },
        ownKeys() {
          throw new Error('All keys were read')
        },
      })
    const data = spy({ a: spy({ b: 1, c: 2 }), d: 3 })
    expect(
      matchesFilter(
        {
          and: [
            { path: 'a.b', equals: 1 },
            { path: 'x.y', exists: false },
          ],
        },
        data,
      ),
    ).toBe(true)
    expect(looked).toEqual(['a', 'b', 'x'])
  })
})

test('hints at a name that was meant cost nothing where the name is endless', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [`order.kind${index}.done`, z.object({})]),
  )
  const webhooks = createWebhooks({ events: defineEvents(many), storage: memoryStorage() })
  const push = vi.spyOn(Array.prototype, 'push')
  await webhooks.emit('order'.repeat(million / 5), {}).catch(() => {})
  const steps = push.mock.calls.length
  push.mockRestore()
  expect(steps).toBeLessThan(1_000)
})
