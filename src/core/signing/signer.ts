import { createHmac, sign as signBytes } from 'node:crypto'
import { WebhooksError } from '../../errors.ts'
import { BoundedMap } from '../bounded-map.ts'
import { listSecrets } from './secret-format.ts'
import { parseSecret, type SigningKey } from './secrets.ts'

/** What {@link sign} signs. */
export interface SignInput {
  /** Sent as `webhook-id`: 1 to 256 visible ASCII characters, no dot. */
  id: string
  /** Time of the attempt, sent as `webhook-timestamp` in whole seconds; fractions are cut off. */
  timestamp: Date
  /** The very bytes that are sent; a string stands for its UTF-8. */
  body: string | Uint8Array
  /** `whsec_…` (also without the prefix) or `whsk_…`. Each one signs, in this order. */
  secrets: string | readonly string[]
}

/**
 * The value of the `webhook-signature` header (Standard Webhooks 1.0.0): one signature per secret,
 * joined by a space; `v1,…` (HMAC-SHA256) for `whsec_`, `v1a,…` (Ed25519) for `whsk_`.
 *
 * @example
 * sign({ id: 'evt_1', timestamp: new Date(), body: '{"type":"a"}', secrets: ['whsec_…'] })
 *
 * @throws WebhooksError `invalid_secret` if a secret cannot sign (the message never holds it);
 * `invalid_option` if the id, the timestamp or the body cannot be sent or verified.
 */
export function sign({ id, timestamp, body, secrets }: SignInput): string {
  const head = `${checkedId(id)}.${toUnixSeconds(timestamp)}.`
  const checkedBody = checkBody(body)
  return listSecrets(secrets)
    .map((secret) => signWith(signingKey(secret), head, checkedBody))
    .join(' ')
}

function signWith({ kind, key }: SigningKey, head: string, body: string | Uint8Array): string {
  if (kind === 'hmac') {
    return `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`
  }
  const content = Buffer.concat([Buffer.from(head), Buffer.from(body)])
  return `v1a,${signBytes(null, content, key).toString('base64')}`
}

const longestId = 256

/**
 * A dot would let part of the body pass for part of the id, because the signed content is
 * `id.timestamp.body`; other characters do not survive as a header value.
 */
function checkedId(id: string): string {
  if (typeof id === 'string' && id.length <= longestId && /^[!-\-/-~]+$/.test(id)) return id
  throw new WebhooksError(
    'invalid_option',
    `A webhook id must be 1 to ${longestId} visible ASCII characters without a dot, such as evt_1`,
  )
}

/** A count of seconds above this (the year 5138) is one of milliseconds. */
const latestSeconds = 1e11

/**
 * An instant as Standard Webhooks sends it: whole seconds since 1970.
 *
 * @throws WebhooksError `invalid_option`
 */
export function toUnixSeconds(instant: Date): number {
  const seconds = instant instanceof Date ? Math.floor(instant.getTime() / 1000) : Number.NaN
  if (seconds >= 0 && seconds <= latestSeconds) return seconds
  throw new WebhooksError(
    'invalid_option',
    'timestamp must be a valid Date between the years 1970 and 5138; for a count of seconds ' +
      'write new Date(seconds * 1000)',
  )
}

function checkBody(body: string | Uint8Array): string | Uint8Array {
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  throw new WebhooksError(
    'invalid_option',
    'body must be the text or bytes that are sent: serialise once, then sign and send the result',
  )
}

/** Keys that are remembered. */
const keys = new BoundedMap<string, SigningKey>(1_000)

/**
 * {@link parseSecret}, remembered: an endpoint signs again and again with the same secrets, and to
 * set up a key takes several times as long as to sign a kilobyte with it.
 */
export function signingKey(secret: string): SigningKey {
  const known = keys.get(secret)
  if (known !== undefined) return known
  const key = parseSecret(secret)
  keys.set(secret, key)
  return key
}
