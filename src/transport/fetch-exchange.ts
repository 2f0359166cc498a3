/** One request and its answer over a `fetch` that the host gave us. */
import ky from 'ky'
import type { AttemptResponse } from '../model.ts'
import type { AddressGuard } from './address-guard.ts'
import { setDeadline } from './deadline.ts'
import { aborted, attemptErrorFrom, timedOut } from './failures.ts'
import type { TransportRequest, TransportResult } from './transport.ts'

/** ky decides nothing by itself: time, retries and what counts as success are the engine's. */
const kyOptions = { method: 'post', retry: 0, timeout: false, throwHttpErrors: false } as const

/** Sends one request; resolves when its answer has been read as far as it is wanted. */
export async function fetchExchange(
  fetch: typeof globalThis.fetch,
  guard: AddressGuard,
  request: TransportRequest,
): Promise<TransportResult> {
  const limit = new Limit(request)
  try {
    await limit.cut(guard.admit(request.url))
    const { headers, body } = request
    const { signal } = limit
    const answer = ky(request.url, {
      ...kyOptions,
      headers,
      body,
      redirect: 'manual',
      signal,
      fetch,
    })
    const response = await limit.cut(answer)
    return { response: await readResponse(response, request.maxResponseBytes, limit), error: null }
  } catch (error) {
    return { response: null, error: attemptErrorFrom(error) }
  } finally {
    limit.end()
  }
}

/** The attempt's deadline and its abort, held even if the given `fetch` ignores its signal. */
class Limit {
  readonly signal: AbortSignal
  readonly #request: TransportRequest
  readonly #controller = new AbortController()
  readonly #reached: Promise<never>
  readonly #cancelDeadline: () => void
  readonly #abort = () => this.#controller.abort(aborted())

  constructor(request: TransportRequest) {
    const { signal, timeoutMs } = request
    this.#request = request
    this.signal = this.#controller.signal
    this.#reached = new Promise((_resolve, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason))
    })
    this.#reached.catch(() => {})
    this.#cancelDeadline = setDeadline(timeoutMs, (stoodStill) => {
      this.#controller.abort(timedOut(timeoutMs, stoodStill))
    })
    signal.addEventListener('abort', this.#abort)
    if (signal.aborted) this.#abort()
  }

  cut<Value>(work: Promise<Value>): Promise<Value> {
    return Promise.race([work, this.#reached])
  }

  end(): void {
    this.#cancelDeadline()
    this.#request.signal.removeEventListener('abort', this.#abort)
  }
}

/** Reads up to `maxBytes` of the body; what goes wrong there only shortens it. */
async function readResponse(
  response: Response,
  maxBytes: number,
  limit: Limit,
): Promise<AttemptResponse> {
  const { status } = response
  const headers = Object.fromEntries(response.headers)
  const reader = response.body?.getReader()
  if (reader === undefined) return { status, headers, body: '', bodyTruncated: false }
  const decoder = new TextDecoder()
  let body = ''
  let bytesLeft = maxBytes
  try {
    for (;;) {
      const { done, value } = await limit.cut(reader.read())
      if (done) return { status, headers, body: body + decoder.decode(), bodyTruncated: false }
      body += decoder.decode(value.subarray(0, bytesLeft), { stream: true })
      bytesLeft -= value.length
      if (bytesLeft < 0) break
    }
  } catch {
    // The receiver has answered already.
  }
  reader.cancel().catch(() => {})
  return { status, headers, body, bodyTruncated: true }
}
