import { readdirSync, readFileSync } from 'node:fs'
import pino from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { defineEvents, type Logger, memoryStorage, type Storage } from '../../src/index.ts'
import { managementApi } from '../../src/management/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { plain, readDocument, root, tableUnder } from '../docs/markdown.ts'
import { findCanaries, textCanary } from '../secrets/canaries.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const texts = {
  'signing secret': 'whsec_Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZ',
  'header value': 'HEADERCANARY4711',
  payload: 'PAYLOADCANARY4711',
}
const canaries = Object.entries(texts).map(([name, text]) => textCanary(name, text))
const url = 'https://shop.example/hooks'

/** Lets an instance say everything that it has to say, with secrets wherever they can be. */
async function sayAll(logger: Logger): Promise<void> {
  const storage = memoryStorage()
  const failing = new Set<keyof Storage>()
  const flaky = new Proxy(storage, {
    get(target, name: keyof Storage) {
      const method = target[name] as unknown
      if (typeof method !== 'function') return method
      return async (params: unknown) => {
        // As query builders do: the statement's values stand in the message.
        if (failing.has(name)) throw new Error(`${name} failed with ${JSON.stringify(params)}`)
        return method.call(target, params)
      }
    },
  })
  const world = createTestWebhooks({
    ...{ events, storage: flaky as Storage<never>, logger },
    // Renewed after 20 s, so that an attempt can outlast that.
    limits: { leaseMs: 40_000 },
  })
  const { webhooks, receiver, settle, advance } = world
  const shop = receiver(url)
  await webhooks.endpoints.create({
    ...{ url, events: ['*'], secret: texts['signing secret'] },
    headers: { 'x-api-key': texts['header value'] },
  })
  const emit = () => webhooks.emit('order.paid', { orderId: texts.payload })
  await settle()
  webhooks.on('delivery.succeeded', () => {
    throw new Error('the host has a bug')
  })
  await emit()
  await settle()
  for (const method of ['recordHealth', 'claimDeliveries', 'settleDeliveries'] as const) {
    shop.answer(500)
    failing.add(method)
    await emit()
    await advance({ seconds: 30 })
    failing.clear()
    await advance({ minutes: 2 })
  }
  failing.add('renewLeases')
  shop.answer({ status: 200, afterMs: 29_000 })
  await emit()
  await advance({ minutes: 1 })
  failing.clear()
  shop.answer(410)
  await emit()
  await settle()
  await webhooks.stop()
  await stopWithoutStorage(logger)
  await loseARecord(logger)
  await stopWithHangingStorage(logger)
}

async function stopWithHangingStorage(logger: Logger): Promise<void> {
  const storage = memoryStorage()
  storage.close = () => new Promise(() => {})
  const { webhooks, settle, advance } = createTestWebhooks({
    ...{ events, storage },
    logger: { ...silent, error: logger.error.bind(logger) },
  })
  await settle()
  const stopped = webhooks.stop()
  await advance({ seconds: 10 })
  await stopped
}

/** The answer to a record is lost, and what stands cannot be read. */
async function loseARecord(logger: Logger): Promise<void> {
  const storage = memoryStorage()
  const { fanOut } = storage
  let calls = 0
  storage.fanOut = async (params) => {
    const answer = await fanOut(params)
    calls += 1
    if (calls > 1) return answer
    throw new Error(`fanOut failed with ${JSON.stringify(params)}`)
  }
  storage.listAttempts = async (params) => {
    throw new Error(`listAttempts failed with ${JSON.stringify(params)}`)
  }
  const { webhooks, settle, advance } = createTestWebhooks({
    ...{ events, storage },
    logger: { ...silent, warn: logger.warn.bind(logger) },
  })
  await webhooks.endpoints.create({ url, events: ['*'] })
  await webhooks.emit('order.paid', { orderId: texts.payload })
  await settle()
  await advance({ seconds: 5 })
}

/** Stops in the midst of a flood, while nothing can be given back. */
async function stopWithoutStorage(logger: Logger): Promise<void> {
  const storage = memoryStorage()
  storage.releaseEvents = async (params) => {
    throw new Error(`releaseEvents failed with ${JSON.stringify(params)}`)
  }
  const limits = { inFlight: 8, inFlightPerEndpoint: 8 }
  const { webhooks, receiver, settle, advance } = createTestWebhooks({
    ...{ events, storage, limits },
    logger: { ...silent, warn: logger.warn.bind(logger) },
  })
  const channels = Array.from({ length: 16 }, (_, n) => `channel${n}`)
  for (const channel of channels) {
    const shop = receiver(`https://${channel}.example/`)
    shop.answer(200, 200, 200)
    shop.alwaysAnswer({ status: 200, afterMs: 40 })
    await webhooks.endpoints.create({ url: shop.url, events: ['*'], channels: [channel] })
  }
  const data = { orderId: texts.payload }
  const flood = Array.from({ length: 200 }, (_, n) => channels[n % channels.length] ?? '')
  await webhooks.emitMany(
    flood.map((channel) => ({ type: 'order.paid', data, channels: [channel] })),
  )
  await settle()
  const stopped = webhooks.stop()
  await advance({ ms: 100 })
  await stopped
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Every message of the engine, at its level. */
const said = [
  ['info', 'The worker has started'],
  ['error', 'A listener for "delivery.succeeded" threw'],
  ['warn', 'Endpoint health was not recorded'],
  ['error', 'The storage failed; the worker waits and tries again'],
  ['warn', 'The storage works again'],
  ['error', 'A delivery was not settled'],
  ['warn', 'Leases could not be renewed'],
  ['warn', 'Events at hand were not given back'],
  ['warn', 'A record was not looked up'],
  ['warn', 'Attempts are recorded without what was answered'],
  ['error', 'A step of the stop hangs, and was given up'],
  ['info', 'An endpoint was switched off'],
  ['info', 'The instance has stopped'],
]

test('the guide lists every message that there is', () => {
  const table = tableUnder(readDocument('docs/operations.md'), 'log messages')
  const listed = table.map(({ level, message = '' }) => [level, plain(message)])
  const expected = said.map(([level, message]) => [
    level,
    message?.replace('delivery.succeeded', '…'),
  ])
  expect(listed.sort()).toEqual(expected.sort())
  const files = readdirSync(`${root}src/core`, { recursive: true, encoding: 'utf8' })
  const calls = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(`${root}src/core/${name}`, 'utf8').matchAll(/logger\.(\w+)\(/g),
    ])
  expect(calls.map(([, level]) => level).sort()).toEqual(said.map(([level]) => level).sort())
})

describe('a logger that fails', () => {
  const unhandled = vi.fn()
  afterEach(() => void process.off('unhandledRejection', unhandled))

  const thrower = () => {
    throw new Error('the disk of the log is full')
  }
  const rejecter = async () => thrower()
  test.each([
    ['throws', { debug: thrower, info: thrower, warn: thrower, error: thrower }],
    ['rejects', { debug: rejecter, info: rejecter, warn: rejecter, error: rejecter }],
  ])('%s: disturbs nobody', async (_, logger) => {
    process.on('unhandledRejection', unhandled)
    await sayAll(logger)
    const api = managementApi(createTestWebhooks({ events }).webhooks, {
      authorize: thrower,
      logger,
    })
    expect((await api(new Request('https://host.example/api/v1/webhooks'))).status).toBe(403)
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('pino', () => {
  test('is a logger, and gets details, messages, and nothing secret', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
    await sayAll(logger)
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const told = records.map(({ level, msg }) => [pino.levels.labels[Number(level)], msg])
    expect(told).toEqual(expect.arrayContaining(said))
    const fault = records.find(({ msg }) => String(msg).startsWith('The storage failed'))
    expect(fault).toMatchObject({
      reason: expect.stringContaining('The storage failed in claimDeliveries'),
      retryAt: expect.stringMatching(/^2026-/),
    })
    expect(findCanaries(canaries, lines.join('\n'))).toEqual([])
  })
})

describe('console', () => {
  afterEach(() => vi.restoreAllMocks())

  test('is a logger as it is', async () => {
    const methods = ['debug', 'info', 'warn', 'error'] as const
    const spies = methods.map((method) => vi.spyOn(console, method).mockImplementation(() => {}))
    await sayAll(console)
    const told = spies.flatMap((spy, index) =>
      spy.mock.calls.map(([details, message]) => ({ level: methods[index], details, message })),
    )
    expect(told.map(({ level, message }) => [level, message])).toEqual(expect.arrayContaining(said))
    expect(told.every(({ details }) => typeof details === 'object')).toBe(true)
    expect(findCanaries(canaries, JSON.stringify(told))).toEqual([])
  })
})
