import { describe, expect, test } from 'vitest'
import {
  createWebhooks,
  memoryStorage,
  type Storage,
  type Transport,
  type Webhooks,
} from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { TestReceivers } from '../../src/testing/test-receivers.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { events } from '../support.ts'

/** A world in which several processes share one storage. */
function createWorld() {
  const clock = new VirtualClock(new Date('2026-01-01T00:00:00Z'))
  const network = new TestReceivers(clock)
  const storage = memoryStorage()
  let processes = 0
  return {
    clock,
    network,
    storage,
    /** One more process; it may see storage or network in a way of its own. */
    process(
      own: {
        storage?: Storage
        transport?: Transport
        limits?: { timeoutMs: number; leaseMs: number }
      } = {},
    ): Webhooks<typeof events> {
      return createWebhooks({
        events,
        clock,
        storage: own.storage ?? storage,
        transport: own.transport ?? network,
        limits: own.limits,
        random: seededRandom(++processes),
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      })
    },
  }
}

/** A storage whose named methods a test replaces. */
function override(storage: Storage, methods: Partial<Storage>): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const own = methods[name as keyof Storage] ?? Reflect.get(target, name)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
}

/** A storage that leases once and then hears nothing any more, like a process that hangs. */
function leasesOnce(storage: Storage): Partial<Storage> {
  let hasEvents = false
  let hasLeased = false
  return {
    renewLeases: () => new Promise(() => {}),
    insertEvents: async (params) => {
      const answers = await storage.insertEvents(params)
      hasEvents ||= params.events.some(({ lease }) => lease !== null)
      return answers
    },
    claimEvents: async (params) => {
      if (hasEvents) return new Promise(() => {})
      const events = await storage.claimEvents(params)
      hasEvents = events.length > 0
      return events
    },
    claimDeliveries: async (params) => {
      if (hasLeased) return new Promise(() => {})
      const result = await storage.claimDeliveries(params)
      hasLeased = result.deliveries.length > 0
      return result
    },
    fanOut: async (params) => {
      const isDirect = params.settlements !== undefined
      return isDirect ? new Promise(() => {}) : storage.fanOut(params)
    },
  }
}

/**
 * What goes to an endpoint without a rate limit is sent directly, under the lease of its event; with
 * one, a claim decides, and it goes under a lease of its own.
 */
const ways = [
  ['event', null],
  ['delivery', { limit: 1_000, intervalMs: 1_000 }],
] as const
const ofDelivery = { rateLimit: { limit: 1_000, intervalMs: 1_000 } }

const url = 'https://shop.example/hooks'

describe('a lease', () => {
  test('keeps other workers away for as long as its request runs', async () => {
    const { clock, network, process } = createWorld()
    const workers = [process(), process(), process()]
    await Promise.all(workers.map((worker) => worker.start()))
    const shop = network.receiver(url)
    shop.answer({ status: 200, afterMs: 29_000 })
    await workers[0]?.endpoints.create({ url, events: ['*'] })
    await workers[1]?.emit('order.paid', { orderId: 'o1' })
    await clock.advance(600_000)
    expect(shop.requests).toHaveLength(1)
  })

  test('is renewed at half time', async () => {
    const { clock, network, storage, process } = createWorld()
    const slowSettle = override(storage, {
      // The request is answered soon; recording it takes nearly two leases.
      settleDeliveries: async (params) => {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 115_000))
        return storage.settleDeliveries(params)
      },
    })
    const slow = process({ storage: slowSettle })
    const other = process()
    await slow.start()
    await slow.endpoints.create({ url, events: ['*'], ...ofDelivery })
    await slow.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    await other.start()
    await clock.advance(600_000)
    expect(network.receiver(url).requests).toHaveLength(1)
    expect((await other.deliveries.list()).items[0]).toMatchObject({
      status: 'succeeded',
      attempts: 1,
    })
  })

  test('is renewed again although the renewal before it hangs', async () => {
    const { clock, network, storage, process } = createWorld()
    let renewals = 0
    const hanging = override(storage, {
      renewLeases: (params) => {
        renewals += 1
        return renewals === 1 ? new Promise(() => {}) : storage.renewLeases(params)
      },
      // Recording the request takes as long as renewals do.
      settleDeliveries: async (params) => {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 59_000))
        return storage.settleDeliveries(params)
      },
    })
    const slow = process({ storage: hanging })
    const other = process()
    const shop = network.receiver(url)
    shop.alwaysAnswer({ status: 200, afterMs: 29_000 })
    await slow.start()
    await slow.endpoints.create({ url, events: ['*'], ...ofDelivery })
    await slow.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    await other.start()
    // The first renewal, at half a minute, hangs; without a second one the lease ends at a minute.
    await clock.advance(600_000)
    expect(renewals).toBe(2)
    expect(shop.requests).toHaveLength(1)
  })

  test('is renewed once in each half of its time, however leases come and go', async () => {
    const { clock, network, storage, process } = createWorld()
    const renewedAt: number[] = []
    const startedAt = clock.now().getTime()
    const slow = override(storage, {
      renewLeases: async (params) => {
        renewedAt.push(clock.now().getTime() - startedAt)
        await new Promise<void>((resolve) => clock.setTimer(resolve, 1_000))
        return storage.renewLeases(params)
      },
    })
    const limits = { timeoutMs: 50_000, leaseMs: 60_000 }
    const worker = process({ storage: slow, limits })
    // The first request ends, and the second begins, while the first renewal is under way.
    network.receiver(url).answer({ status: 200, afterMs: 30_500 }, { status: 200, afterMs: 45_000 })
    await worker.start()
    await worker.endpoints.create({ url, events: ['*'] })
    await worker.emit('order.paid', { orderId: 'o1' })
    await clock.advance(30_700)
    await worker.emit('order.paid', { orderId: 'o2' })
    await clock.advance(120_000)
    expect(renewedAt).toHaveLength(2)
  })

  test.for(ways)(
    'of an %s of a process that died ends, and another one takes over',
    async ([, rateLimit]) => {
      const { clock, network, storage, process } = createWorld()
      const dead = process({
        storage: override(storage, leasesOnce(storage)),
        transport: {
          send: () => new Promise(() => {}),
          checkUrl: async () => {},
          close: async () => {},
        },
      })
      await dead.start()
      await dead.endpoints.create({ url, events: ['*'], rateLimit })
      await dead.emit('order.paid', { orderId: 'o1' })
      await clock.settle()
      const survivor = process()
      await survivor.start()
      await clock.advance(59_000)
      expect(network.receiver(url).requests).toHaveLength(0)
      await clock.advance(2_000)
      expect(network.receiver(url).requests).toHaveLength(1)
    },
  )

  test.for(ways)(
    'of an %s that has passed on lets its old holder write nothing',
    async ([, rateLimit]) => {
      const { clock, network, storage, process } = createWorld()
      // A process that freezes between answer and settlement, for longer than its lease.
      const thawed = Promise.withResolvers<void>()
      const frozen = process({
        storage: override(storage, {
          ...leasesOnce(storage),
          settleDeliveries: async (params) => {
            await thawed.promise
            return storage.settleDeliveries(params)
          },
          fanOut: async (params) => {
            if (params.settlements !== undefined) await thawed.promise
            return storage.fanOut(params)
          },
        }),
      })
      const shop = network.receiver(url)
      shop.answer(500, 200)
      await frozen.start()
      await frozen.endpoints.create({ url, events: ['*'], rateLimit })
      await frozen.emit('order.paid', { orderId: 'o1' })
      await clock.settle()
      const survivor = process()
      await survivor.start()
      await clock.advance(61_000)
      expect(shop.requests).toHaveLength(2)
      const [before] = (await survivor.deliveries.list()).items
      expect(before).toMatchObject({ status: 'succeeded', attempts: 1 })

      thawed.resolve()
      await clock.settle()
      const [after] = (await survivor.deliveries.list()).items
      expect(after).toEqual(before)
      expect(await survivor.deliveries.attempts(after?.id ?? '')).toHaveLength(1)
    },
  )

  test('that is lost while the request runs aborts the request', async () => {
    const { clock, network, storage, process } = createWorld()
    const aborted: string[] = []
    const loser = process({
      storage: override(storage, { renewLeases: async () => [] }),
      transport: {
        send: ({ signal, url: called }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted.push(called)
              const error = { code: 'aborted', message: 'aborted', origin: 'sender' } as const
              resolve({ response: null, error })
            })
          }),
        checkUrl: async () => {},
        close: async () => {},
      },
    })
    await loser.start()
    await loser.endpoints.create({ url, events: ['*'] })
    await loser.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    await clock.advance(31_000)
    expect(aborted).toEqual([url])
    expect(network.requests).toEqual([])
  })
})

describe('a claim', () => {
  test.for(ways)(
    'of an %s whose answer comes late sends nothing: others may have taken over',
    async ([, rateLimit]) => {
      const { clock, network, storage, process } = createWorld()
      let isLate = false
      async function firstLate(found: number): Promise<void> {
        if (isLate || found === 0) return
        isLate = true
        await new Promise<void>((resolve) => clock.setTimer(resolve, 90_000))
      }
      const late = process({
        storage: override(storage, {
          claimEvents: async (params) => {
            const claimed = await storage.claimEvents(params)
            if (rateLimit === null) await firstLate(claimed.length)
            return claimed
          },
          claimDeliveries: async (params) => {
            const claimed = await storage.claimDeliveries(params)
            if (rateLimit !== null) await firstLate(claimed.deliveries.length)
            return claimed
          },
        }),
      })
      const other = process()
      const shop = network.receiver(url)
      await late.endpoints.create({ url, events: ['*'], rateLimit })
      await late.emit('order.paid', { orderId: 'o1' })
      await late.start()
      await clock.settle()
      await other.start()
      await clock.advance(80_000)
      expect(shop.requests).toHaveLength(1)
      await clock.advance(600_000)
      expect(isLate).toBe(true)
      expect(shop.requests).toHaveLength(1)
    },
  )
})

describe('a fan-out', () => {
  test('to hundreds of endpoints reaches the first while the rest is still looked for', async () => {
    const { clock, network, storage, process } = createWorld()
    const rest = Promise.withResolvers<void>()
    let isSearching = false
    const slow = process({
      storage: override(storage, {
        listSubscribers: async (params) => {
          isSearching = params.after !== null
          if (isSearching) await rest.promise
          return storage.listSubscribers(params)
        },
      }),
    })
    await slow.start()
    const urls = Array.from({ length: 300 }, (_, n) => `https://many.example/${n}`)
    for (const each of urls) await slow.endpoints.create({ url: each, events: ['*'] })
    await slow.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    expect(isSearching).toBe(true)
    expect(network.requests.length).toBeGreaterThan(0)
    rest.resolve()
    await clock.advance(60_000)
    expect(network.requests.map((request) => request.url).sort()).toEqual(urls.sort())
  })

  test('that died half-way is done again, without a second delivery', async () => {
    const { clock, network, storage, process } = createWorld()
    const dying = process({
      storage: override(storage, {
        fanOut: async ({ results, ...params }) => {
          // Everything was written but the last word.
          await storage.fanOut({
            ...params,
            results: results.map((result) => ({ ...result, done: false })),
          })
          return new Promise(() => {})
        },
      }),
    })
    await dying.start()
    // More than are looked at at once: fewer are added in one write.
    const urls = Array.from({ length: 101 }, (_, n) => `https://many.example/${n}`)
    for (const each of urls) await dying.endpoints.create({ url: each, events: ['*'] })
    await dying.emit('order.paid', { orderId: 'o1' })
    await clock.settle()
    const survivor = process()
    await survivor.start()
    await clock.advance(120_000)
    expect(network.requests.map((request) => request.url).sort()).toEqual(urls.sort())
    expect((await survivor.deliveries.list()).total).toBe(urls.length)
  })
})
