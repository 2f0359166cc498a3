import { WebhooksError } from '../errors.ts'
import type { WebhookBody } from './verify.ts'

/** What we use of a request of node:http, Express or Fastify. */
export interface NodeRequest {
  method?: string | undefined
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** What a body parser left: of value to us if it is text or bytes. */
  body?: unknown
  /** The raw bytes, where a parser keeps them beside what it parsed. */
  rawBody?: unknown
  /** Whether somebody has read from the stream. */
  readableDidRead?: boolean
  /** Whether nothing more comes of it. */
  destroyed?: boolean
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
}

/**
 * Reads the body of a fetch request, up to a limit.
 *
 * @throws WebhooksError `body_not_raw`, `body_too_large`, `signature_body_invalid` if it breaks off
 */
export async function readFetchBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw notRaw('was read before. Hand the request over unread, or a request.clone()')
  }
  checkAnnounced(request.headers.get('content-length'), maxBytes)
  const chunks = new Chunks(maxBytes)
  const reader = request.body?.getReader()
  if (reader === undefined) return chunks.join()
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw brokenOff()
    })
    if (done) return chunks.join()
    try {
      chunks.add(value)
    } catch (error) {
      // Not awaited: a body that never ends need not end its cancellation either.
      reader.cancel().catch(() => {})
      throw error
    }
  }
}

/**
 * The body of a Node request as it came: what `express.raw` or `express.text` read, else the
 * stream, up to a limit.
 *
 * @throws WebhooksError `body_not_raw`, `body_too_large`, `signature_body_invalid` if it breaks off
 */
export async function readNodeBody(request: NodeRequest, maxBytes: number): Promise<WebhookBody> {
  for (const body of [request.rawBody, request.body]) {
    if (isRaw(body)) return checkBody(body, maxBytes)
  }
  // Express 4 has `{}` as the body of a request that no parser took.
  if (request.readableDidRead) throw parsed()
  // Nothing more would come, not even an end.
  if (request.destroyed) throw brokenOff()
  checkAnnounced(request.headers['content-length'], maxBytes)
  return readStream(request, maxBytes)
}

function readStream(request: NodeRequest, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks = new Chunks(maxBytes)
    request.on('data', (chunk) => {
      try {
        chunks.add(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
      } catch (error) {
        request.pause()
        reject(error)
      }
    })
    request.on('end', () => resolve(chunks.join()))
    // After `end` they change nothing; without one the sender has gone.
    for (const ending of ['error', 'close'] as const) {
      request.on(ending, () => reject(brokenOff()))
    }
  })
}

/** Bytes as they arrive, up to a limit. */
class Chunks {
  readonly #chunks: Uint8Array[] = []
  readonly #maxBytes: number
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length
    if (this.#length > this.#maxBytes) throw tooLarge(this.#maxBytes)
    this.#chunks.push(chunk)
  }

  join(): Uint8Array {
    const joined = new Uint8Array(this.#length)
    let offset = 0
    for (const chunk of this.#chunks) {
      joined.set(chunk, offset)
      offset += chunk.length
    }
    return joined
  }
}

/** Told by their nature, not their class: test runners have several realms. */
function isRaw(body: unknown): body is string | Uint8Array | ArrayBuffer {
  return (
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    Object.prototype.toString.call(body) === '[object ArrayBuffer]'
  )
}

/**
 * Lets a body pass that is raw and not too large.
 *
 * @throws WebhooksError `body_not_raw`, `body_too_large`
 */
export function checkBody(body: unknown, maxBytes: number): WebhookBody {
  if (!isRaw(body)) throw parsed()
  if (sizeOf(body, maxBytes) > maxBytes) throw tooLarge(maxBytes)
  return body
}

/** In bytes, counted only where it matters: a UTF-16 unit takes one to three in UTF-8. */
function sizeOf(body: WebhookBody, maxBytes: number): number {
  if (typeof body !== 'string') return body.byteLength
  const isClear = body.length > maxBytes || 3 * body.length <= maxBytes
  return isClear ? body.length : new TextEncoder().encode(body).byteLength
}

/** Nothing is read of a body that says itself that it is too large. */
function checkAnnounced(length: unknown, maxBytes: number): void {
  if (Number(length) > maxBytes) throw tooLarge(maxBytes)
}

function tooLarge(maxBytes: number): WebhooksError {
  return new WebhooksError(
    'body_too_large',
    `The body has more than ${maxBytes} bytes. If the sender means it, raise maxBodyBytes.`,
  )
}

function parsed(): WebhooksError {
  return notRaw(
    'was parsed before: the signature covers its bytes, and they are gone. In Express, let no ' +
      'express.json() come first: mount this route above it, or keep the bytes by ' +
      'express.json({ verify: (request, _, bytes) => { request.rawBody = bytes } }). Elsewhere, ' +
      'hand over the text or the bytes as they came',
  )
}

function notRaw(why: string): WebhooksError {
  return new WebhooksError('body_not_raw', `The body ${why}.`)
}

function brokenOff(): WebhooksError {
  return new WebhooksError('signature_body_invalid', 'The request broke off before its body ended.')
}
