import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { WebhooksErrorCode } from '../../src/index.ts'
import {
  createReceiver,
  isWebhooksError,
  type ReceiverFailure,
  type ReceiverOptions,
  type WebhookPayload,
} from '../../src/receiver/index.ts'
import { events, gate, otherSecret, requestOf, secret, signed } from './support.ts'

/** A receiver that notes what it is told. */
function noting(options: Partial<ReceiverOptions<Record<string, unknown>>> = {}) {
  const received: WebhookPayload[] = []
  const failures: (ReceiverFailure & { error: unknown })[] = []
  const receiver = createReceiver<Record<string, unknown>>({
    events,
    secrets: secret,
    handlers: { '*': (event) => void received.push(event) },
    onError: (error, failure) => void failures.push({ error, ...failure }),
    ...options,
  })
  const send = (message: Parameters<typeof signed>[0] = {}) =>
    receiver.fetch(requestOf(signed(message)))
  return { receiver, received, failures, send }
}

describe('handlers', () => {
  test('get the event of their type, checked, with its defaults filled in', async () => {
    const paid: WebhookPayload[] = []
    const receiver = createReceiver({
      events,
      secrets: [otherSecret, secret],
      handlers: {
        'order.paid': (event) => void paid.push(event),
        '*': () => expect.unreachable(),
      },
    })
    const response = await receiver.fetch(requestOf(signed({ id: 'msg_a' })))
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
    expect(paid).toEqual([
      {
        id: 'msg_a',
        type: 'order.paid',
        timestamp: new Date('2026-11-23T20:15:04.120Z'),
        data: { orderId: 'o-1', amount: 0 },
      },
    ])
  })

  test('* gets every type without a handler of its own, declared or not', async () => {
    const { send, received } = noting()
    for (const type of ['order.refunded', 'order.lost', '']) {
      expect((await send({ type })).status).toBe(204)
    }
    expect(received.map(({ type }) => type)).toEqual(['order.refunded', 'order.lost', ''])
  })

  test.each(['constructor', '__proto__', 'toString'])(
    'a type named %s meets none that nobody gave',
    async (type) => {
      const { send, failures } = noting({ handlers: {} })
      expect((await send({ type })).status).toBe(204)
      expect(failures).toEqual([])
    },
  )

  test('a type without any is acknowledged, or refused by option', async () => {
    const handlers = { 'order.paid': () => {} }
    expect((await noting({ handlers }).send({ type: 'order.lost' })).status).toBe(204)
    const refused = await noting({ handlers, unhandled: 'refuse' }).send({ type: 'order.lost' })
    expect(refused.status).toBe(501)
  })

  test('never see a test event, which is answered 2xx', async () => {
    const { send, received } = noting({ unhandled: 'refuse' })
    expect((await send({ type: 'webhook.test', data: { endpointId: 'ep_1' } })).status).toBe(204)
    expect(received).toEqual([])
  })

  test('whatever they throw, the answer is 500, says nothing of it, and the retry is let through', async () => {
    const id = 'msg_retry'
    let attempts = 0
    const fault = new Error('password=hunter2')
    const { send, failures } = noting({
      handlers: {
        'order.paid': () => {
          if (++attempts === 1) throw fault
        },
      },
    })
    const first = await send({ id })
    expect(first.status).toBe(500)
    expect(await first.text()).not.toContain('hunter2')
    expect(failures).toEqual([
      { error: fault, event: expect.objectContaining({ id }), status: 500 },
    ])
    expect((await send({ id })).status).toBe(204)
    expect(attempts).toBe(2)
  })

  test('an error of ours from inside a handler is no refusal of the request', async () => {
    const { send } = noting({
      handlers: { 'order.paid': () => events.parse('order.refunded', {}) },
    })
    expect((await send()).status).toBe(500)
  })
})

describe('what does not fit the schema', () => {
  const data = { orderId: 7 }

  test('is refused with the place, for the sender to see, and reported', async () => {
    const { send, received, failures } = noting()
    const response = await send({ data })
    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(/^invalid_payload: .*orderId/)
    expect(received).toEqual([])
    expect(failures).toMatchObject([{ status: 400, event: { type: 'order.paid' } }])
  })

  test('is handed over under validate: false', async () => {
    const { send, received } = noting({ validate: false })
    expect((await send({ data })).status).toBe(204)
    expect(received).toMatchObject([{ data }])
  })
})

describe('refuses', () => {
  const fresh = signed()
  test.each<[string, () => Parameters<typeof requestOf>[0], WebhooksErrorCode]>([
    ['another secret', () => signed({ secret: otherSecret }), 'signature_mismatch'],
    ['a changed body', () => ({ ...fresh, body: `${fresh.body} ` }), 'signature_mismatch'],
    ['no headers', () => ({ ...fresh, headers: {} }), 'signature_header_missing'],
    ['a replay', () => signed({ sentAt: ago(301) }), 'signature_timestamp_expired'],
    ['a date ahead', () => signed({ sentAt: ago(-310) }), 'signature_timestamp_in_future'],
    ['a body that is not JSON', () => signed({ body: '{' }), 'signature_body_invalid'],
  ])('%s with 400 and the reason', async (_, message, code) => {
    const { receiver, received, failures } = noting()
    const response = await receiver.fetch(requestOf(message()))
    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(new RegExp(`^${code}: `))
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(received).toEqual([])
    expect(failures.map(({ error, status }) => [isWebhooksError(error, code), status])).toEqual([
      [true, 400],
    ])
  })

  test('by a replay window of its own', async () => {
    const { send } = noting({ toleranceMs: 1_000_000 })
    expect((await send({ sentAt: ago(900) })).status).toBe(204)
    expect((await send({ sentAt: ago(1_100) })).status).toBe(400)
  })

  test('a body above the limit with 413, and reads no further than that', async () => {
    const { receiver, failures } = noting({ maxBodyBytes: 1_000 })
    let given = 0
    let cancelled = false
    const long = new ReadableStream({
      pull(controller) {
        if (given > 100_000) return controller.close()
        given += 100
        controller.enqueue(new Uint8Array(100))
      },
      cancel() {
        cancelled = true
      },
    })
    const { headers } = signed()
    const init = { method: 'POST', headers, body: long, duplex: 'half' } as const
    const response = await receiver.fetch(new Request('https://a.example', init))
    expect(response.status).toBe(413)
    expect(given).toBeLessThanOrEqual(1_300)
    expect(cancelled).toBe(true)
    expect(failures).toMatchObject([{ status: 413, event: null }])
  })

  test('a body that announces too much without reading any', async () => {
    const { receiver } = noting({ maxBodyBytes: 10 })
    const request = requestOf(signed())
    request.headers.set('content-length', '11')
    expect((await receiver.fetch(request)).status).toBe(413)
    expect(request.bodyUsed).toBe(false)
  })

  test.each([
    ['é'.repeat(5), 400],
    ['é'.repeat(6), 413],
    ['x'.repeat(10), 400],
    ['x'.repeat(11), 413],
  ])('a text %s of a limit of 10 bytes with %i', async (body, status) => {
    const { receiver } = noting({ maxBodyBytes: 10 })
    // What is not too large is not genuine.
    expect((await receiver.receive({ body, headers: signed().headers })).status).toBe(status)
  })

  test('a body that breaks off, as any stranger can do, with 400', async () => {
    const { receiver, failures } = noting()
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
      pull: (controller) => controller.error(new Error('aborted')),
    })
    const { headers } = signed()
    const init = { method: 'POST', headers, body: broken, duplex: 'half' } as const
    const response = await receiver.fetch(new Request('https://a.example', init))
    expect(response.status).toBe(400)
    expect(failures).toMatchObject([{ status: 400, event: null }])
  })

  test('a body that was read before with 500 and the way out', async () => {
    const { receiver } = noting()
    const request = requestOf(signed())
    await request.json()
    const response = await receiver.fetch(request)
    expect(response.status).toBe(500)
    expect(await response.text()).toMatch(/^body_not_raw: .*clone/)
  })

  test('a parsed body handed to receive, too', async () => {
    const { body, headers } = signed()
    const answer = await noting().receiver.receive({ body: JSON.parse(body), headers })
    expect(answer).toMatchObject({ status: 500, text: expect.stringMatching(/^body_not_raw: /) })
  })

  test('every method but POST', async () => {
    const response = await noting().receiver.fetch(new Request('https://a.example'))
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })
})

test.each([
  [
    'throws',
    () => {
      throw new Error('the log is away')
    },
  ],
  ['rejects', () => Promise.reject(new Error('the log is away'))],
])(
  'an onError that %s changes no answer, and is logged where it concerns the host',
  async (_, onError) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const fails = () => Promise.reject(new Error('no'))
    const { send } = noting({ onError, handlers: { '*': fails } })
    expect((await send()).status).toBe(500)
    expect((await send({ secret: otherSecret })).status).toBe(400)
    await new Promise((resolve) => setTimeout(resolve, 10))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(logged.mock.calls.map(([, error]) => String(error))).toEqual(['Error: the log is away'])
    logged.mockRestore()
  },
)

describe('each id is handled once', () => {
  test('a repeat after success is answered 2xx and not handled', async () => {
    const { send, received } = noting()
    expect((await send({ id: 'msg_b' })).status).toBe(204)
    expect((await send({ id: 'msg_b', sentAt: ago(60) })).status).toBe(204)
    expect(received).toHaveLength(1)
  })

  test('a repeat while the handler works waits for it, and gets the same answer', async () => {
    for (const fails of [false, true]) {
      const { opened, open } = gate()
      const handler = vi.fn(async () => {
        await opened
        if (fails) throw new Error('no')
      })
      const { send } = noting({ handlers: { 'order.paid': handler } })
      const answers = Promise.all([send({ id: 'msg_c' }), send({ id: 'msg_c' })])
      await vi.waitFor(() => expect(handler).toHaveBeenCalled())
      open()
      const statuses = (await answers).map(({ status }) => status)
      expect(statuses).toEqual(fails ? [500, 500] : [204, 204])
      expect(handler).toHaveBeenCalledTimes(1)
    }
  })

  test('a repeat does not wait for a handler that has had its time', async () => {
    const handler = vi
      .fn<() => Promise<void>>()
      .mockReturnValueOnce(new Promise(() => {}))
      .mockResolvedValue()
    const { send } = noting({ handlers: { 'order.paid': handler }, leaseMs: 50_000 })
    void send({ id: 'msg_h' })
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(1))
    const later = Date.now() + 50_001
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => later)
    onTestFinished(() => clock.mockRestore())
    expect((await send({ id: 'msg_h' })).status).toBe(204)
    expect(handler).toHaveBeenCalledTimes(2)
  })

  test('a repeat that another process is at is answered 409, so that it comes again', async () => {
    const store = { claim: async () => 'busy' as const, done: vi.fn(), release: vi.fn() }
    const { send, received } = noting({ idempotency: store })
    expect((await send()).status).toBe(409)
    expect(received).toEqual([])
  })

  test('unless idempotency is off', async () => {
    const { send, received } = noting({ idempotency: false })
    await send({ id: 'msg_d' })
    await send({ id: 'msg_d' })
    expect(received).toHaveLength(2)
  })

  test.each([null, undefined, false, 'OK'])(
    'a store that answers %j has claimed nothing',
    async (outcome) => {
      const claim = async () => outcome as unknown as 'claimed'
      const store = { claim, done: vi.fn(), release: vi.fn() }
      const { send, received, failures } = noting({ idempotency: store })
      expect((await send()).status).toBe(500)
      expect(received).toEqual([])
      expect(String(failures[0]?.error)).toContain('and not claimed, done or busy')
    },
  )

  test('a store that cannot claim costs the sender a retry, and nobody an event', async () => {
    const store = {
      claim: () => Promise.reject(new Error('store down')),
      done: vi.fn(),
      release: vi.fn(),
    }
    const { send, received, failures } = noting({ idempotency: store })
    expect((await send()).status).toBe(500)
    expect(received).toEqual([])
    expect(failures).toMatchObject([{ status: 500 }])
  })

  test('a store that cannot note what was handled does not ask for a repeat', async () => {
    const store = {
      claim: async () => 'claimed' as const,
      done: () => Promise.reject(new Error('store down')),
      release: vi.fn(),
    }
    const { send, failures } = noting({ idempotency: store })
    expect((await send()).status).toBe(204)
    expect(failures).toMatchObject([{ status: 204 }])
    expect(store.release).not.toHaveBeenCalled()
  })

  test('the store is told the lease, the retention, and one token per claim', async () => {
    const calls: object[] = []
    const store = {
      claim: async (params: object) => {
        calls.push(params)
        return 'claimed' as const
      },
      done: async (params: object) => void calls.push(params),
      release: async () => {},
    }
    const { send } = noting({ idempotency: store, leaseMs: 1_000, keepMs: 2_000 })
    await send({ id: 'msg_e' })
    const token = (calls[0] as { token: string }).token
    expect(token).toMatch(/^[0-9a-f-]{36}$/)
    expect(calls).toEqual([
      { id: 'msg_e', token, leaseMs: 1_000 },
      { id: 'msg_e', token, keepMs: 2_000 },
    ])
  })
})

describe('respond: first', () => {
  function atOnce(options: { maxInBackground?: number; fails?: boolean } = {}) {
    const { opened, open } = gate()
    const { fails = false, ...rest } = options
    const handler = vi.fn(async () => {
      await opened
      if (fails) throw new Error('no')
    })
    const noted = noting({ respond: 'first', handlers: { 'order.paid': handler }, ...rest })
    return { ...noted, handler, open }
  }

  test('answers 202 before the handler is through, and idle waits for it', async () => {
    const { send, receiver, handler, open } = atOnce()
    expect((await send()).status).toBe(202)
    expect(handler).toHaveBeenCalledTimes(1)
    let idle = false
    const waiting = receiver.idle().then(() => {
      idle = true
    })
    await new Promise(setImmediate)
    expect(idle).toBe(false)
    open()
    await waiting
  })

  test('a failure goes to onError with the event, and a repeat is let through', async () => {
    const { send, receiver, handler, failures, open } = atOnce({ fails: true })
    await send({ id: 'msg_f' })
    open()
    await receiver.idle()
    expect(failures).toMatchObject([{ status: 202, event: { id: 'msg_f', data: {} } }])
    expect((await send({ id: 'msg_f' })).status).toBe(202)
    expect(handler).toHaveBeenCalledTimes(2)
  })

  test('a waitUntil that throws changes nothing: the handler is at work', async () => {
    const { receiver, handler, failures, open } = atOnce()
    const waitUntil = () => {
      throw new Error('this context is over')
    }
    const answer = await receiver.receive({ ...signed(), waitUntil })
    expect(answer.status).toBe(202)
    expect(failures).toMatchObject([{ status: 202, error: new Error('this context is over') }])
    open()
    await receiver.idle()
    expect(handler).toHaveBeenCalledTimes(1)
  })

  test('a repeat meanwhile gets no 2xx, because the work may yet fail', async () => {
    const { send, handler, open } = atOnce()
    await send({ id: 'msg_g' })
    expect((await send({ id: 'msg_g' })).status).toBe(409)
    expect(handler).toHaveBeenCalledTimes(1)
    open()
  })

  test('no more at once than maxInBackground; the others come again', async () => {
    const { send, receiver, open } = atOnce({ maxInBackground: 2 })
    const statuses: number[] = []
    for (const id of ['1', '2', '3']) statuses.push((await send({ id })).status)
    expect(statuses).toEqual([202, 202, 503])
    open()
    await receiver.idle()
    expect((await send({ id: '3' })).status).toBe(202)
  })

  test('the runtime is asked to wait for the work', async () => {
    const { receiver, open } = atOnce()
    const waited: Promise<unknown>[] = []
    const context = {
      kept: waited,
      waitUntil(this: { kept: Promise<unknown>[] }, work: Promise<unknown>) {
        this.kept.push(work)
      },
    }
    await receiver.fetch(requestOf(signed()), context)
    expect(waited).toHaveLength(1)
    open()
    await waited[0]
  })
})

describe('onError', () => {
  test('by default what concerns the host goes to the console, and strangers fill no log', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { send } = noting({
      onError: undefined,
      handlers: { 'order.paid': () => Promise.reject(new Error('no')) },
    })
    expect((await send({ secret: otherSecret })).status).toBe(400)
    expect(log).not.toHaveBeenCalled()
    await send()
    expect(log).toHaveBeenCalledTimes(1)
    await send({ data: {} })
    expect(log).toHaveBeenCalledTimes(2)
    log.mockRestore()
  })
})

describe('is not created', () => {
  const valid = { events, secrets: secret, handlers: {} }
  test.each<[string, object, WebhooksErrorCode]>([
    ['without a secret', { secrets: '' }, 'invalid_secret'],
    ['with an empty list', { secrets: [] }, 'invalid_secret'],
    [
      'with a secret key of the sender',
      { secrets: `whsk_${btoa('x'.repeat(32))}` },
      'invalid_secret',
    ],
    ['without handlers', { handlers: undefined }, 'invalid_option'],
    ['with a handler that is none', { handlers: { 'order.paid': 1 } }, 'invalid_option'],
    ['with a handler of no event', { handlers: { 'order.payed': () => {} } }, 'unknown_event'],
    ['with respond: first and nobody told', { respond: 'first' }, 'invalid_option'],
    ['with another respond', { respond: 'never' }, 'invalid_option'],
    ['with another unhandled', { unhandled: 'no' }, 'invalid_option'],
    ['with a store that is none', { idempotency: {} }, 'invalid_option'],
    [
      'with a store that only claims',
      { idempotency: { claim: async () => 'claimed' } },
      'invalid_option',
    ],
    ['with a limit of 0', { maxBodyBytes: 0 }, 'invalid_option'],
    ['with a lease of NaN', { leaseMs: Number.NaN }, 'invalid_option'],
    ['with a negative tolerance', { toleranceMs: -1 }, 'invalid_option'],
  ])('%s', (_, wrong, code) => {
    expect(() => createReceiver({ ...valid, ...wrong } as typeof valid)).toThrow(
      expect.objectContaining({ code }),
    )
  })
})

function ago(seconds: number): Date {
  return new Date(Date.now() - seconds * 1000)
}
