/** A real engine with the real transport, in real time, between a bad receiver and a good one. */
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import {
  type Attempt,
  createWebhooks,
  defineEvents,
  type HttpTransportOptions,
  httpTransport,
  memoryStorage,
} from '../../src/index.ts'
import { type MisbehavingReceiver, misbehavingReceiver } from '../../src/testing/index.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })

/** When a failed attempt is repeated: far from everything that a test waits for. */
export const retryMs = 3_600_000

interface Limits {
  timeoutMs: number
  connectTimeoutMs: number
}

export async function createWorld(
  bad: MisbehavingReceiver,
  limits: Limits,
  options: HttpTransportOptions = {},
) {
  const good = await misbehavingReceiver('answers 200')
  const webhooks = createWebhooks({
    events,
    storage: memoryStorage(),
    retry: { delaysMs: [0, retryMs], jitter: 0 },
    limits,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    transport: httpTransport({
      addressGuard: { allow: ['127.0.0.1'], lookup: bad.lookup },
      certificateAuthorities: [bad.certificateAuthority],
      ...options,
    }),
  })
  await webhooks.start()
  const endpoint = await webhooks.endpoints.create({ url: bad.url, events: ['*'] })
  const healthy = await webhooks.endpoints.create({ url: good.url, events: ['*'] })

  /** The delivery of an event to an endpoint with the log of its first attempt, once it was made. */
  async function attempted(eventId: string, endpointId: string) {
    for (;;) {
      const { items } = await webhooks.deliveries.list({ eventId, endpointId })
      const [delivery] = items
      const attempts: Attempt[] = delivery ? await webhooks.deliveries.attempts(delivery.id) : []
      const [attempt] = attempts
      if (delivery !== undefined && attempt !== undefined) return { delivery, attempt, attempts }
      await sleep(5)
    }
  }

  return {
    webhooks,
    good,
    endpoint,
    healthy,
    /** Emits an event to both, and waits for the first attempt at the bad one. */
    async send() {
      const { id } = await webhooks.emit('order.paid', { orderId: 'o-1' })
      return { id, ...(await attempted(id, endpoint.id)) }
    },
    attempted,
    async close() {
      await webhooks.stop()
      await good.close()
    },
  }
}
