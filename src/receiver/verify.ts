import { listSecrets } from '../core/signing/secret-format.ts'
import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import { readHeaders, type VersionedSignature, type WebhookHeaders } from './headers.ts'
import { readPayload, type WebhookPayload } from './payload.ts'
import { matchesAny, readVerificationKey, type VerificationKey } from './signatures.ts'

/** A request body as it came: text, or bytes (a Node `Buffer` is a `Uint8Array`). */
export type WebhookBody = string | Uint8Array | ArrayBuffer

/** How {@link verify} judges. */
export interface VerifyOptions {
  /**
   * How far `webhook-timestamp` may be from `now`, either way, in milliseconds. Default 300,000
   * (five minutes). Bounds how long a recorded request can be replayed.
   */
  toleranceMs?: number | undefined
  /** Default: the present. For stored requests, the time at which they came. */
  now?: Date | undefined
}

const defaultToleranceMs = 300_000

const rawBodyHint =
  "pass it as it came (in Express by express.raw({ type: 'application/json' }) on this route, " +
  'with the fetch API by await request.text())'

/**
 * Verifies a request (Standard Webhooks 1.0.0) and resolves to its event. Uses WebCrypto only, so
 * that it runs on Node, Deno, Bun, Cloudflare Workers and other edge runtimes.
 *
 * Pass the body as it came: a body that was parsed and serialised again has other bytes, and its
 * signature does not match. In Express that is `express.raw({ type: 'application/json' })`, with
 * the fetch API `await request.text()`.
 *
 * Answer 2xx soon after; the sender repeats a request that failed. Handle each `id` once.
 *
 * @param headers - The request's headers; names in any case.
 * @param secrets - `whsec_…` (checks `v1`), `whpk_…` (checks `v1a`), or a list: any signature may
 * match any of them, so that a rotation goes unnoticed.
 *
 * @example
 * const event = await verify(await request.text(), request.headers, secret)
 * if (event.type === 'document.processed') await index(event.data)
 *
 * @throws WebhooksError `signature_header_missing`, `signature_header_invalid`,
 * `signature_timestamp_invalid`, `signature_timestamp_expired`, `signature_timestamp_in_future`,
 * `signature_mismatch`: not genuine, or changed on its way; answer 400. `signature_body_invalid`:
 * the body is not raw, or genuine and not JSON. `invalid_secret`, `invalid_option`: a fault of the
 * caller; answer 500.
 */
export async function verify<Payload extends WebhookPayload = WebhookPayload>(
  body: WebhookBody,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): Promise<Payload> {
  checkOptions('verify', options, ['toleranceMs', 'now'])
  const keys = listSecrets(secrets).map(readVerificationKey)
  const bytes = bytesOf(body)
  const signed = readHeaders(headers)
  checkAge(signed.sentAt, options)
  const content = join(new TextEncoder().encode(`${signed.id}.${signed.timestamp}.`), bytes)
  for (const key of keys) {
    if (await matchesAny(key, signed.signatures, content)) {
      return readPayload(bytes, signed) as Payload
    }
  }
  throw new WebhooksError('signature_mismatch', whyNoMatch(keys, signed.signatures))
}

/** Lets secrets pass that {@link verify} can verify with. @throws WebhooksError `invalid_secret` */
export function checkSecrets(secrets: string | readonly string[]): void {
  listSecrets(secrets).forEach(readVerificationKey)
}

function checkAge(
  sentAt: Date,
  { toleranceMs = defaultToleranceMs, now = new Date() }: VerifyOptions,
) {
  const ageMs = Number(now) - sentAt.getTime()
  if (!(toleranceMs >= 0) || Number.isNaN(ageMs)) {
    throw new WebhooksError(
      'invalid_option',
      'toleranceMs must be a number of milliseconds, zero or more, and now a valid Date',
    )
  }
  const seconds = Math.ceil(Math.abs(ageMs) / 1000)
  const clocks = 'If it is fresh, the clock of this host or of the sender is wrong'
  if (ageMs > toleranceMs) {
    throw new WebhooksError(
      'signature_timestamp_expired',
      `The request was signed ${seconds} s ago; at most ${toleranceMs} ms are allowed. It may be ` +
        `a replay, or have waited in a queue. ${clocks}.`,
    )
  }
  if (ageMs < -toleranceMs) {
    throw new WebhooksError(
      'signature_timestamp_in_future',
      `The request is dated ${seconds} s ahead of this host; at most ${toleranceMs} ms are ` +
        `allowed. ${clocks}.`,
    )
  }
}

/** Views and buffers are told by their nature, not their class: test runners have several realms. */
function bytesOf(body: WebhookBody): Uint8Array {
  if (typeof body === 'string') return new TextEncoder().encode(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  if (Object.prototype.toString.call(body) === '[object ArrayBuffer]') return new Uint8Array(body)
  throw new WebhooksError(
    'signature_body_invalid',
    `The body is neither text nor bytes; it seems to be parsed already: ${rawBodyHint}.`,
  )
}

function join(head: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.length + body.length)
  joined.set(head)
  joined.set(body, head.length)
  return joined
}

function whyNoMatch(keys: VerificationKey[], signatures: VersionedSignature[]): string {
  const sent = new Set(signatures.map(({ version }) => version))
  if (keys.some(({ version }) => sent.has(version))) {
    return (
      `No signature matches. Most often the body was parsed and serialised again: ${rawBodyHint}. ` +
      'Otherwise the secret is that of another endpoint or was rotated, or something in between ' +
      'changed the body.'
    )
  }
  if (sent.has('v1a')) return 'The signature is v1a (Ed25519): verify it with a whpk_ public key.'
  if (sent.has('v1')) return 'The signature is v1 (HMAC): verify it with a whsec_ secret.'
  return 'webhook-signature holds neither a v1 nor a v1a signature, and no other is known.'
}
