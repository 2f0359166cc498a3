/** The whole engine, over real sockets and in real time, against every receiver that misbehaves. */
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type MisbehavingReceiver,
  type Misbehaviour,
  misbehavingReceiver,
  misbehaviours,
} from '../../src/testing/index.ts'
import { type Expectation, expectations, kinds } from './expectations.ts'
import { createWorld, retryMs } from './world.ts'

const limits = { timeoutMs: 10_000, connectTimeoutMs: 5_000 }
const limitsOf = {
  never: limits,
  timeout: { ...limits, timeoutMs: 300 },
  'connect timeout': { ...limits, connectTimeoutMs: 300 },
}

const toClose: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const resource of toClose.splice(0).reverse()) await resource.close()
})

async function worldOf(kind: Misbehaviour, options = {}) {
  const bad = await misbehavingReceiver(kind)
  toClose.push(bad)
  const world = await createWorld(bad, limitsOf[expectations[kind].endsBy ?? 'never'], options)
  toClose.push(world)
  return { bad, ...world }
}

/** By `stop()`, and not because idle connections close by themselves after four seconds. */
async function released(...receivers: MisbehavingReceiver[]): Promise<void> {
  for (const one of receivers) await vi.waitFor(() => expect(one.openConnections).toBe(0), 3_000)
}

/** What the engine makes of an outcome of the transport, said once more in other words. */
function consequencesOf({ outcome, origin, pausedForMs = 0 }: Expectation) {
  const status = typeof outcome === 'number' ? outcome : null
  if (origin === 'sender') {
    return {
      status: 'pending',
      code: outcome,
      counted: 0,
      failures: 0,
      pausedForMs: 0,
      gone: false,
    }
  }
  if (status !== null && Math.floor(status / 100) === 2) {
    return { status: 'succeeded', code: null, counted: 1, failures: 0, pausedForMs, gone: false }
  }
  const gone = status === 410
  const code =
    status === null ? outcome : Math.floor(status / 100) === 3 ? 'redirect' : 'http_status'
  return { status: gone ? 'failed' : 'pending', code, counted: 1, failures: 1, pausedForMs, gone }
}

describe('each kind: the right outcome, a truthful log, and nobody else hurt', () => {
  test('none is left out', () => {
    expect(Object.keys(expectations).sort()).toEqual([...misbehaviours].sort())
  })

  test.each(kinds)('%s', async (kind, expected) => {
    const { bad, good, webhooks, endpoint, healthy, send, attempted } = await worldOf(kind)
    const { status, code, counted, failures, pausedForMs, gone } = consequencesOf(expected)
    const { id, delivery, attempt, attempts } = await send()

    // The log
    expect(attempts).toHaveLength(1)
    expect(attempt).toMatchObject({
      number: 1,
      succeeded: code === null,
      url: bad.url,
      requestHeaders: { 'webhook-id': id, 'webhook-signature': '[redacted]' },
    })
    expect(attempt.error?.code ?? null).toBe(code)
    expect(attempt.error?.origin ?? null).toBe(
      code === null ? null : (expected.origin ?? 'receiver'),
    )
    if (code !== null) expect(attempt.error?.message).toMatch(expected.message ?? /\w/)
    expect(attempt.response?.status ?? expected.outcome).toBe(expected.outcome)
    expect(attempt.response?.body ?? '').toMatch(expected.body ?? '')
    if (expected.bodyTruncated !== undefined) {
      expect(attempt.response?.bodyTruncated).toBe(expected.bodyTruncated)
    }
    if (expected.endsBy !== undefined) expect(attempt.durationMs).toBeGreaterThanOrEqual(295)

    // What the receiver saw is what the log says: signed, and sent once
    expect(bad.requests).toHaveLength(expected.requests ?? 1)
    for (const request of bad.requests) {
      expect(
        new Webhook(endpoint.secret).verify(request.body, { ...request.headers }),
      ).toMatchObject({ type: 'order.paid', data: { orderId: 'o-1' } })
    }

    // The delivery
    expect(delivery).toMatchObject({
      status,
      attempts: counted,
      responseStatus: typeof expected.outcome === 'number' ? expected.outcome : null,
      lastError: attempt.error,
    })
    if (status === 'pending' && counted === 1) {
      const waitsMs = (delivery.nextAttemptAt?.getTime() ?? 0) - attempt.startedAt.getTime()
      expect(waitsMs).toBeGreaterThanOrEqual(Math.max(retryMs, pausedForMs))
    }

    // The endpoint
    await vi.waitFor(async () => {
      const health = await webhooks.endpoints.get(endpoint.id)
      expect(health).toMatchObject({
        failedAttempts: failures,
        active: !gone,
        disabledReason: gone ? 'gone' : null,
      })
      if (pausedForMs === 0) expect(health.pausedUntil).toBeNull()
      const until = (health.pausedUntil?.getTime() ?? 0) - pausedForMs
      if (pausedForMs > 0) {
        expect(until).toBeGreaterThanOrEqual(attempt.startedAt.getTime())
        expect(until).toBeLessThanOrEqual(Date.now())
      }
    })

    // The other endpoint
    const unhurt = await attempted(id, healthy.id)
    expect(unhurt.delivery).toMatchObject({ status: 'succeeded', attempts: 1 })
    expect(good.requests).toHaveLength(1)

    await webhooks.stop()
    await released(bad, good)
  })
})

describe('a connection that the receiver closed while it was idle', () => {
  test.each([
    'closes a reused connection on the next request',
    'resets a reused connection on the next request',
  ] as const)('%s: sent again at once, and not counted', async (kind) => {
    const { bad, webhooks, endpoint, send } = await worldOf(kind)
    for (let sent = 1; sent <= 4; sent++) {
      const { delivery, attempts } = await send()
      expect(delivery).toMatchObject({ status: 'succeeded', attempts: 1, lastError: null })
      expect(attempts).toHaveLength(1)
    }
    // The first went well; each of the others met a connection that was closed beneath it.
    expect(bad.requests).toHaveLength(1 + 3 * 2)
    expect(bad.connections).toBe(4)
    for (const at of [1, 3, 5]) expect(bad.requests[at]).toEqual(bad.requests[at + 1])
    expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({
      failedAttempts: 0,
      failingSince: null,
    })
  })

  test.each([
    // An answer had begun: the receiver may have done its work.
    ['begins to answer on a reused connection, then resets', 2],
    // The fresh connection was reset as well: that is a failure like any other.
    ['resets every request but the first', 3],
  ] as const)('%s: counted', async (kind, requests) => {
    const { bad, webhooks, endpoint, send } = await worldOf(kind)
    expect((await send()).delivery.status).toBe('succeeded')
    const { delivery, attempts } = await send()
    expect(delivery).toMatchObject({
      status: 'pending',
      attempts: 1,
      lastError: { code: 'connection_reset', origin: 'receiver' },
    })
    expect(attempts).toHaveLength(1)
    expect(bad.requests).toHaveLength(requests)
    await vi.waitFor(async () => {
      expect(await webhooks.endpoints.get(endpoint.id)).toMatchObject({ failedAttempts: 1 })
    })
  })
})

describe('through a fetch of the host', () => {
  const fetch: typeof globalThis.fetch = (...given) => globalThis.fetch(...given)

  test.each<[Misbehaviour, number | string, string | RegExp]>([
    ['endless body', 200, 'x'.repeat(16_384)],
    ['announces 10 GB', 200, 'x'.repeat(16_384)],
    ['drips its body', 200, /^x+$/],
    ['never answers', 'timeout', ''],
    ['gzip bomb', 200, '\0'.repeat(16_384)],
    ['gzip in gzip bomb', 200, '\0'.repeat(16_384)],
    ['brotli bomb', 200, '\0'.repeat(16_384)],
    ['302 to a private address', 302, ''],
    ['302 to itself', 302, ''],
  ])('%s: bounded all the same', async (kind, outcome, body) => {
    const { bad, webhooks, send } = await worldOf(kind, { fetch })
    const { attempt } = await send()
    expect(attempt.response?.status ?? attempt.error?.code).toBe(outcome)
    expect(attempt.response?.body ?? '').toMatch(body)
    expect(bad.requests).toHaveLength(1)
    await webhooks.stop()
    // What was read to its end is kept for a while by the agent behind that fetch.
    const isUnfinished = /^(endless|announces|drips|never)/.test(kind)
    if (isUnfinished) await released(bad)
  })
})

test('a kind that does not exist is refused', async () => {
  await expect(misbehavingReceiver('is nice' as Misbehaviour)).rejects.toMatchObject({
    code: 'invalid_option',
  })
})
