import { WebhooksError } from '../errors.ts'

/** Headers as a receiver has them: a fetch `Headers`, Node's `request.headers`, or a plain record. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** What a request says about itself, in form but not yet verified. */
export interface SignedHeaders {
  id: string
  /** `webhook-timestamp` as sent: these are the characters that were signed. */
  timestamp: string
  sentAt: Date
  signatures: VersionedSignature[]
}

/** One element of `webhook-signature`, such as `v1,K5oZ…`. */
export interface VersionedSignature {
  version: string
  /** Base64. */
  signature: string
}

/**
 * Anybody can send a request, and Ed25519 is checked once per signature and key: the list's length
 * has to be bounded. Eighty Ed25519 signatures fit; a rotation has two.
 */
const longestSignatureHeader = 8_192
const longestId = 256

/**
 * Reads the three headers of Standard Webhooks 1.0.0.
 *
 * @throws WebhooksError `signature_header_missing`, `signature_header_invalid`,
 * `signature_timestamp_invalid`
 */
export function readHeaders(headers: WebhookHeaders): SignedHeaders {
  const id = readHeader(headers, 'webhook-id')
  const timestamp = readHeader(headers, 'webhook-timestamp')
  const list = readHeader(headers, 'webhook-signature')
  // The signed content is `id.timestamp.body`: with a dot in the id, part of a genuine body could
  // be passed off as id and time. Standard Webhooks forbids it.
  if (id.length > longestId || !/^[!-\-/-~]+$/.test(id)) {
    throw invalidHeader(
      `webhook-id is not an id: it must be 1 to ${longestId} visible ASCII characters without a dot`,
    )
  }
  if (list.length > longestSignatureHeader) {
    throw invalidHeader(
      `webhook-signature has ${list.length} characters; at most ${longestSignatureHeader} are read`,
    )
  }
  return { id, timestamp, sentAt: readTimestamp(timestamp), signatures: splitSignatures(list) }
}

/** Digits only: `Number` would also read hex, exponents and white space. */
function readTimestamp(timestamp: string): Date {
  if (/^\d{1,11}$/.test(timestamp)) return new Date(Number(timestamp) * 1000)
  throw new WebhooksError(
    'signature_timestamp_invalid',
    'webhook-timestamp is not a whole number of seconds since 1970. Standard Webhooks senders ' +
      'send nothing else: look for what changes the header on its way.',
  )
}

/** Elements without a comma are skipped like unknown versions: newer senders may add their own. */
function splitSignatures(list: string): VersionedSignature[] {
  return list.split(' ').flatMap((element) => {
    const comma = element.indexOf(',')
    return comma < 0
      ? []
      : { version: element.slice(0, comma), signature: element.slice(comma + 1) }
  })
}

function readHeader(headers: WebhookHeaders, name: string): string {
  const values = headerValues(headers, name)
  const [value] = values
  if (value === undefined || value === '') {
    throw new WebhooksError(
      'signature_header_missing',
      `The request has no ${name} header. Pass all headers of the request as they came; if the ` +
        'sender does send it, a proxy or gateway in between drops it.',
    )
  }
  if (values.length > 1) throw invalidHeader(`${name} came ${values.length} times; one is allowed`)
  return value
}

function headerValues(headers: WebhookHeaders, name: string): string[] {
  if (typeof headers !== 'object' || headers === null) {
    throw invalidHeader('headers must be a Headers object or a record of names and values')
  }
  if (typeof headers.get === 'function') {
    const value: unknown = headers.get(name)
    return typeof value === 'string' ? [value] : []
  }
  return Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value)
    .filter((value) => typeof value === 'string')
}

function invalidHeader(message: string): WebhooksError {
  return new WebhooksError('signature_header_invalid', message)
}
