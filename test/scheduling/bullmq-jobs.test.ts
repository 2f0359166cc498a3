/** What stands in Redis, and how the instance fares without it. */
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createWebhooks, type Logger, memoryStorage } from '../../src/index.ts'
import { bullmqScheduler } from '../../src/scheduling/bullmq/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { startReceiver } from '../examples/receiver.ts'
import { events } from '../support.ts'
import { hasRedis, type RedisServer, startRedis } from './redis-server.ts'

interface Complaint {
  details: object
  message: string
}

function complaintsOf(): { logger: Logger; complaints: Complaint[] } {
  const complaints: Complaint[] = []
  const complain = (details: object, message: string) => void complaints.push({ details, message })
  return { logger: { debug() {}, info() {}, warn: complain, error: complain }, complaints }
}

function createInstance(port: number, given: { storage?: Storage; logger?: Logger } = {}) {
  const webhooks = createWebhooks({
    events,
    storage: given.storage ?? memoryStorage(),
    scheduler: bullmqScheduler({ connection: { host: '127.0.0.1', port } }),
    addressGuard: { allow: ['127.0.0.0/8'] },
    logger: given.logger ?? complaintsOf().logger,
    retry: { delaysMs: [0, 50] },
  })
  onTestFinished(() => webhooks.stop())
  return webhooks
}

describe.skipIf(!hasRedis)('wake-ups in Redis', () => {
  let redis: RedisServer
  let client: Redis

  beforeAll(async () => {
    redis = await startRedis()
    client = new Redis({ host: '127.0.0.1', port: redis.port })
    client.on('error', () => {})
  })
  afterAll(async () => {
    client?.disconnect()
    await redis?.stop()
  })
  afterEach(() => redis.flush())

  /** Everything that Redis holds, as one text. */
  async function everything(): Promise<string> {
    const parts: string[] = []
    for (const key of await client.keys('*')) {
      const type = await client.type(key)
      parts.push(key)
      if (type === 'string') parts.push(String(await client.get(key)))
      if (type === 'hash') parts.push(JSON.stringify(await client.hgetall(key)))
      if (type === 'list') parts.push(...(await client.lrange(key, 0, -1)))
      if (type === 'zset') parts.push(...(await client.zrange(key, 0, -1)))
      if (type === 'stream') parts.push(JSON.stringify(await client.xrange(key, '-', '+')))
    }
    return parts.join('\n')
  }

  async function jobs() {
    const connection = { host: '127.0.0.1', port: redis.port } as const
    const queue = new Queue('ainexlayer-webhooks', { connection: new Redis(connection) })
    onTestFinished(() => queue.disconnect())
    return queue.getJobs(['waiting', 'delayed', 'active', 'completed', 'failed'])
  }

  test('of thousands of emits are one or two, and say nothing of them', async () => {
    const webhooks = createInstance(redis.port)
    const url = 'http://127.0.0.1:9999/canary-url'
    const { secret } = await webhooks.endpoints.create({ url, events: ['*'] })
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, () =>
          webhooks.emit('order.paid', { orderId: 'canary-payload' }, { tenantId: 'canary-tenant' }),
        ),
      )
    }
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1), { timeout: 10_000 })
    expect((await jobs()).map(({ data }) => data)).toEqual([{}])
    const stored = await everything()
    expect(stored).not.toMatch(/canary|evt_|ep_|dlv_/)
    expect(stored).not.toContain(secret.slice(6))
  })

  test('are gone when they are done', async () => {
    const receiver = await startReceiver()
    onTestFinished(() => void receiver.close())
    const webhooks = createInstance(redis.port)
    await webhooks.endpoints.create({ url: receiver.url, events: ['*'] })
    await webhooks.start()
    await webhooks.emit('order.paid', { orderId: '1' })
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 10_000 })
    await vi.waitFor(
      async () => expect((await jobs()).filter(({ delay }) => delay === 0)).toEqual([]),
      { timeout: 10_000 },
    )
  })
})

describe('without Redis', () => {
  /** Nobody listens there. */
  const port = 1

  test('emit resolves, work is done here, and the logger is told once', async () => {
    const receiver = await startReceiver()
    onTestFinished(() => void receiver.close())
    const { logger, complaints } = complaintsOf()
    const webhooks = createInstance(port, { logger })
    await webhooks.endpoints.create({ url: receiver.url, events: ['*'] })
    await webhooks.start()
    for (let number = 0; number < 5; number += 1) {
      await webhooks.emit('order.paid', { orderId: String(number) })
    }
    await vi.waitFor(() => expect(receiver.received).toHaveLength(5), { timeout: 10_000 })
    await vi.waitFor(() => expect(complaints).toHaveLength(1), { timeout: 10_000 })
    expect(complaints[0]).toMatchObject({
      details: { broker: 'Redis' },
      message: 'The broker of the scheduler failed; workers go on by their own clocks',
    })
  })

  test('a process that only emits tells its logger as well', async () => {
    const { logger, complaints } = complaintsOf()
    const webhooks = createInstance(port, { logger })
    await webhooks.emit('order.paid', { orderId: '1' })
    await vi.waitFor(() => expect(complaints).toHaveLength(1), { timeout: 10_000 })
  })

  test.each(['bullmq', 'ioredis'])('without %s, start says what to install', async (driver) => {
    vi.resetModules()
    vi.doMock(driver, () => {
      throw new Error(`Cannot find package '${driver}'`)
    })
    onTestFinished(() => {
      vi.doUnmock(driver)
    })
    const { bullmqScheduler: create } = await import('../../src/scheduling/bullmq/index.ts')
    const webhooks = createWebhooks({
      events,
      storage: memoryStorage(),
      scheduler: create({ connection: { host: '127.0.0.1', port } }),
    })
    await expect(webhooks.start()).rejects.toMatchObject({
      code: 'driver_missing',
      message: expect.stringContaining('npm install bullmq ioredis'),
    })
    await webhooks.stop()
  })

  test.each([
    ['no connection', { connection: undefined }],
    ['a connection that is a text', { connection: 'redis://localhost' }],
    ['a name with a colon', { connection: {}, queueName: 'a:b' }],
    ['an empty name', { connection: {}, queueName: '' }],
    ['an interval of nothing', { connection: {}, sweepIntervalMs: 0 }],
  ])('refuses %s', (_, options) => {
    expect(() => bullmqScheduler(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })
})
