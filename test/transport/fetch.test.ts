import { delay, HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type HttpTransportOptions, httpTransport } from '../../src/transport/http.ts'
import type { TransportRequest } from '../../src/transport/transport.ts'

const server = setupServer()
beforeAll(() => server.listen())
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

const url = 'https://receiver.test/hook'

function transport(options: HttpTransportOptions = {}) {
  const addressGuard = { allow: ['receiver.test'] }
  return httpTransport({ fetch: globalThis.fetch, addressGuard, ...options })
}

function request(changes: Partial<TransportRequest> = {}): TransportRequest {
  return {
    url,
    headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1' },
    body: '{"type":"a.b","data":"é"}',
    timeoutMs: 10_000,
    connectTimeoutMs: 5_000,
    maxResponseBytes: 16_384,
    signal: new AbortController().signal,
    ...changes,
  }
}

describe('with a fetch of the host', () => {
  test('msw intercepts deliveries', async () => {
    const received: { headers: Headers; body: string }[] = []
    server.use(
      http.post(url, async ({ request: { headers }, request: intercepted }) => {
        received.push({ headers, body: await intercepted.text() })
        return HttpResponse.text('thanks', { status: 202, headers: { 'x-a': 'b' } })
      }),
    )
    const result = await transport().send(request())
    expect(result).toMatchObject({
      response: { status: 202, headers: { 'x-a': 'b' }, body: 'thanks', bodyTruncated: false },
      error: null,
    })
    expect(received).toHaveLength(1)
    expect(received[0]?.body).toBe(request().body)
    expect(received[0]?.headers.get('webhook-id')).toBe('evt_1')
  })

  test.each([500, 503, 410, 429])('status %i is an answer, asked for once', async (status) => {
    let calls = 0
    server.use(
      http.post(url, () => {
        calls++
        return new HttpResponse(null, { status })
      }),
    )
    const { response, error } = await transport().send(request())
    expect(response?.status).toBe(status)
    expect(error).toBeNull()
    expect(calls).toBe(1)
  })

  test('a redirect is an answer, and not followed', async () => {
    const followed = vi.fn(() => new HttpResponse(null))
    server.use(
      http.post(url, () => HttpResponse.redirect('https://elsewhere.test/', 307)),
      http.all('https://elsewhere.test/', followed),
    )
    const { response } = await transport().send(request())
    expect(response?.status).toBe(307)
    expect(followed).not.toHaveBeenCalled()
  })

  test('a network error is one', async () => {
    server.use(http.post(url, () => HttpResponse.error()))
    const { response, error } = await transport().send(request())
    expect(response).toBeNull()
    expect(error).toMatchObject({ code: 'connection_failed', origin: 'network' })
  })

  test.each([
    ['ENOTFOUND', 'dns_not_found', 'receiver'],
    ['ECONNREFUSED', 'connection_refused', 'receiver'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect_timeout', 'network'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'connection_failed', 'network'],
  ])('a failed fetch because of %s is %s', async (cause, code, origin) => {
    const fetch = async () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: cause }) })
    }
    const { error } = await transport({ fetch }).send(request())
    expect(error).toMatchObject({ code, origin })
    expect(error?.message).toContain(cause)
  })

  test('the deadline holds', async () => {
    server.use(
      http.post(url, async () => {
        await delay('infinite')
        return new HttpResponse(null)
      }),
    )
    const { error } = await transport().send(request({ timeoutMs: 100 }))
    expect(error).toMatchObject({ code: 'timeout', origin: 'receiver' })
  })

  test('the deadline holds even if the fetch ignores its signal', async () => {
    const deaf = () => new Promise<Response>(() => {})
    const { error } = await transport({ fetch: deaf }).send(request({ timeoutMs: 100 }))
    expect(error?.code).toBe('timeout')
  })

  test('an aborted attempt ends, as our own doing', async () => {
    const controller = new AbortController()
    const waiting = () => new Promise<Response>(() => {})
    const result = transport({ fetch: waiting }).send(request({ signal: controller.signal }))
    controller.abort()
    expect((await result).error).toMatchObject({ code: 'aborted', origin: 'sender' })
  })

  test('an endless body is cut at the limit, and cancelled', async () => {
    let cancelled = false
    const endless = async () =>
      new Response(
        new ReadableStream({
          pull: (stream) => stream.enqueue(Buffer.alloc(1000, 'x')),
          cancel: () => {
            cancelled = true
          },
        }),
      )
    const { response } = await transport({ fetch: endless }).send(
      request({ maxResponseBytes: 2500 }),
    )
    expect(response).toMatchObject({ status: 200, body: 'x'.repeat(2500), bodyTruncated: true })
    expect(cancelled).toBe(true)
  })

  test('a body that breaks or stalls does not undo the answer', async () => {
    const breaking = async () =>
      new Response(
        new ReadableStream({
          start: (stream) => stream.enqueue(Buffer.from('begun')),
          pull: (stream) => stream.error(new Error('broken')),
        }),
      )
    const stalling = async () =>
      new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('begun')) }))
    for (const fetch of [breaking, stalling]) {
      const { response, error } = await transport({ fetch }).send(request({ timeoutMs: 200 }))
      expect(error).toBeNull()
      expect(response).toMatchObject({ status: 200, bodyTruncated: true })
    }
  })

  test('the guard judges before the fetch is called', async () => {
    const fetch = vi.fn(async () => new Response())
    const lookup = async () => ['10.0.0.1']
    const { error } = await transport({ fetch, addressGuard: { lookup } }).send(request())
    expect(error).toMatchObject({ code: 'address_refused', origin: 'receiver' })
    expect(fetch).not.toHaveBeenCalled()
  })

  test('a failure of the name server is not the receiver’s', async () => {
    const fetch = vi.fn(async () => new Response())
    const lookup = async () => {
      throw Object.assign(new Error(), { code: 'ETIMEOUT' })
    }
    const { error } = await transport({ fetch, addressGuard: { lookup } }).send(request())
    expect(error).toMatchObject({ code: 'dns_failed', origin: 'sender' })
  })

  test('a fault of the fetch itself is ours, and its words stay out of the log', async () => {
    const fetch = async () => {
      throw new Error('secret')
    }
    const { error } = await transport({ fetch }).send(request())
    expect(error).toMatchObject({ code: 'internal', origin: 'sender' })
    expect(error?.message).not.toContain('secret')
  })
})
