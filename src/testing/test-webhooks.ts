import type { EventRegistry } from '../core/events/registry.ts'
import { isWebhooksError, WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import type { Logger } from '../ports.ts'
import { pollingScheduler } from '../scheduling/polling.ts'
import { memoryStorage } from '../storage/memory/index.ts'
import type { Storage } from '../storage/storage.ts'
import { createWebhooks, type Webhooks, type WebhooksOptions } from '../webhooks.ts'
import { seededRandom } from './seeded-random.ts'
import { type TestReceiver, TestReceivers, type TestRequest } from './test-receivers.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What {@link createTestWebhooks} takes: the options of `createWebhooks` that a test may choose. */
export interface TestWebhooksOptions<Registry extends EventRegistry>
  extends Partial<
    Omit<
      WebhooksOptions<Registry, never>,
      'events' | 'clock' | 'random' | 'transport' | 'addressGuard'
    >
  > {
  events: Registry
  /** Where virtual time begins. Default 2026-01-01T00:00:00Z. */
  startAt?: Date
  /** Seed of ids, secrets and jitter. Default 1. */
  seed?: number
}

/** A span of virtual time; the parts add up. */
export interface Duration {
  days?: number
  hours?: number
  minutes?: number
  seconds?: number
  ms?: number
}

/** An instance for tests, and the world around it. */
export interface TestWebhooks<Registry extends EventRegistry> {
  webhooks: Webhooks<Registry>
  /** Virtual time. */
  now(): Date
  /** Does everything that is due now: fan-out, attempts, settlements. */
  settle(): Promise<void>
  /** Lets virtual time pass; everything that falls due on the way happens at its instant. */
  advance(duration: Duration): Promise<void>
  /** The receiver behind a URL; it answers 200 until told otherwise. */
  receiver(url: string): TestReceiver
  /** Every request of the test, to whichever receiver, in order. */
  readonly requests: readonly TestRequest[]
}

/**
 * Creates an instance for unit tests: memory storage, a clock that the test moves, receivers that
 * the test scripts, and no network. Days of retries pass in milliseconds.
 *
 * @example
 * const { webhooks, receiver, settle, advance } = createTestWebhooks({ events })
 * const shop = receiver('https://shop.example/hooks')
 * shop.answer(503, 200)
 * await webhooks.endpoints.create({ url: shop.url, events: ['order.*'] })
 * await webhooks.emit('order.paid', { orderId: '1' })
 * await settle()
 * await advance({ minutes: 1 })
 * expect(shop.types).toEqual(['order.paid', 'order.paid'])
 */
export function createTestWebhooks<Registry extends EventRegistry>(
  options: TestWebhooksOptions<Registry>,
): TestWebhooks<Registry> {
  const { startAt = new Date('2026-01-01T00:00:00Z'), seed = 1, ...given } = options
  const clock = new VirtualClock(startAt)
  const network = new TestReceivers(clock)
  const storage: Storage<never> = given.storage ?? memoryStorage()
  const webhooks = createWebhooks<Registry>({
    logger: silent,
    // Everything here is told when to wake; polling each second would only slow down the days.
    scheduler: pollingScheduler({ intervalMs: 24 * 3_600_000 }),
    ...given,
    storage,
    clock,
    random: seededRandom(seed),
    transport: network,
  })
  const started = webhooks.start().catch((error: unknown) => {
    // A test may stop before all has started.
    if (!isWebhooksError(error, 'stopped')) throw error
  })

  return {
    webhooks,
    now: () => clock.now(),
    receiver: (url) => network.receiver(url),
    requests: network.requests,
    async settle() {
      await started
      await clock.settle()
    },
    async advance(duration) {
      const durationMs = inMs(duration)
      await started
      await clock.advance(durationMs)
    },
  }
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** @throws WebhooksError `invalid_option` */
function inMs(duration: Duration): number {
  const {
    days = 0,
    hours = 0,
    minutes = 0,
    seconds = 0,
    ms = 0,
  } = checkOptions('advance', duration, ['days', 'hours', 'minutes', 'seconds', 'ms'])
  const durationMs = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + ms
  if (Number.isFinite(durationMs) && durationMs >= 0) return durationMs
  throw new WebhooksError('invalid_option', 'advance takes a time of zero or more')
}
