/** What each kind of misbehaving receiver must lead to. */
import type { AttemptErrorCode, FaultOrigin } from '../../src/model.ts'
import type { Misbehaviour } from '../../src/testing/index.ts'

export interface Expectation {
  /** The status that stands, or why there is none. */
  outcome: number | AttemptErrorCode
  /** Whose doing it is that there is no status. */
  origin?: FaultOrigin
  /** What the log must say. */
  message?: RegExp
  body?: string | RegExp
  bodyTruncated?: boolean
  /** The attempt ends by its own deadline, or by that of its connection. */
  endsBy?: 'timeout' | 'connect timeout'
  /** How long the endpoint rests afterwards, in milliseconds. Default: not at all. */
  pausedForMs?: number
  /** Requests that one attempt makes of it. Default: 1, and none where there is no HTTP. */
  requests?: number
}

/** 16 KiB of an endless body. */
const cutBody = { outcome: 200, bodyTruncated: true, body: 'x'.repeat(16_384) }
const good = { outcome: 200, bodyTruncated: false }
const okBody = { ...good, body: 'ok' }
const hello = { outcome: 200, body: 'hello', bodyTruncated: true }
const invalid = { outcome: 'invalid_response', origin: 'receiver' } as const
const reset = { outcome: 'connection_reset', origin: 'receiver' } as const
const silent = { outcome: 'timeout', origin: 'receiver', endsBy: 'timeout' } as const
const noTls = { outcome: 'tls_failed', origin: 'receiver', requests: 0 } as const
const slowTls = {
  outcome: 'connect_timeout',
  origin: 'receiver',
  endsBy: 'connect timeout',
  requests: 0,
} as const
const noName = { outcome: 'dns_not_found', origin: 'receiver', requests: 0 } as const
const nameFault = { outcome: 'dns_failed', origin: 'sender', requests: 0 } as const
const refused = { outcome: 'address_refused', origin: 'receiver', requests: 0 } as const

const second = 1_000
const day = 24 * 3_600 * second
/** What the Retry-After of a kind asks for: DESIGN's default where it says nothing that counts. */
const retryAfter = {
  'without Retry-After': 5 * second,
  'with Retry-After in seconds': 120 * second,
  'with Retry-After 0': 0,
  'with Retry-After in spaces': 120 * second,
  'with Retry-After as a date': day,
  'with Retry-After as a date of the past': 0,
  'with Retry-After as an RFC 850 date': 0,
  'with Retry-After as an asctime date': 0,
  'with a negative Retry-After': 5 * second,
  'with an absurd Retry-After': day,
  'with Retry-After as a fraction': 5 * second,
  'with Retry-After as an exponent': 5 * second,
  'with Retry-After as hexadecimal': 5 * second,
  'with Retry-After as an ISO date': 5 * second,
  'with an empty Retry-After': 5 * second,
  'with garbage in Retry-After': 5 * second,
  'with two Retry-Afters': 10 * second,
}
const throttling = Object.fromEntries(
  ([429, 503] as const).flatMap((status) =>
    Object.entries(retryAfter).map(([shape, pausedForMs]) => [
      `answers ${status} ${shape}`,
      { outcome: status, pausedForMs },
    ]),
  ),
) as Record<`answers ${429 | 503} ${keyof typeof retryAfter}`, Expectation>

export const expectations: Record<Misbehaviour, Expectation> = {
  // time
  'never answers': silent,
  'accepts and does not read': { ...silent, requests: 0 },
  'drips its body': { outcome: 200, body: /^x+$/, bodyTruncated: true, endsBy: 'timeout' },
  'drips its body in chunks': {
    outcome: 200,
    body: /^x+$/,
    bodyTruncated: true,
    endsBy: 'timeout',
  },
  'drips its headers': silent,
  'drips its status line': silent,
  'drips interim answers': silent,
  'announces a body and sends none': {
    outcome: 200,
    body: '',
    bodyTruncated: true,
    endsBy: 'timeout',
  },
  'answers late': okBody,
  // size
  'endless body': cutBody,
  'endless body until it closes': cutBody,
  'endless body of an error': { ...cutBody, outcome: 500 },
  'announces 10 GB': cutBody,
  'gzip bomb': { outcome: 200, bodyTruncated: true },
  'gzip in gzip bomb': good,
  'brotli bomb': good,
  'gzip claimed, plain body': { ...good, body: 'hello' },
  'endless chunk extension': { outcome: 200, body: '', bodyTruncated: true },
  'endless trailers': { outcome: 200, body: '', bodyTruncated: true },
  'header of 20 KB': invalid,
  '3,000 headers': invalid,
  '10 MB reason phrase': invalid,
  'endless headers': invalid,
  '100 flood': { ...invalid, message: /begins without end/ },
  '103 flood': { ...invalid, message: /begins without end/ },
  // protocol
  garbage: { ...invalid, message: /not valid HTTP\/1\.1/ },
  'SSH banner': invalid,
  'HTTP/2 frames on HTTP/1.1': invalid,
  'HTTP/1.0': okBody,
  'status 99': invalid,
  'status 0': { ...invalid, message: /cannot be read/ },
  'status 999': { outcome: 999 },
  'HTTP/2.0 in the status line': okBody,
  'HTTP/1.2': invalid,
  'status that is no number': invalid,
  'no reason phrase': good,
  'LF only': invalid,
  'obs-fold header': invalid,
  'header without a colon': invalid,
  'header without a name': invalid,
  'space before a colon': invalid,
  'NUL in a header': invalid,
  'header bytes not ASCII': good,
  'header named __proto__': good,
  '103, then 200': okBody,
  '100 unasked, then 200': okBody,
  '100 and 103 in pieces, then 200': okBody,
  '103 with a body': invalid,
  '101 unasked': invalid,
  '204 with a body': { outcome: 204, body: '' },
  'body longer than content-length': { outcome: 200, body: 'ok' },
  'body shorter than content-length': hello,
  'two content-lengths': invalid,
  'negative content-length': invalid,
  'content-length that is no number': invalid,
  'content-length beyond all numbers': invalid,
  'content-length beside chunks': invalid,
  'transfer encoding that nobody knows': { outcome: 200, endsBy: 'timeout' },
  'chunk longer than all numbers': { outcome: 200, body: '', bodyTruncated: true },
  'headers in trailers': okBody,
  'five encodings in a row': okBody,
  'broken chunk': hello,
  'chunked body cut short': hello,
  'body not UTF-8': { ...good, body: '\ufffd\ufffd\0\ufffd' },
  // connection
  'takes no connection': { outcome: 'connection_refused', origin: 'receiver', requests: 0 },
  'RST on connect': { ...reset, requests: 0 },
  'FIN without answer': reset,
  'RST without answer': reset,
  'FIN in the middle of the headers': reset,
  'RST in the middle of the headers': reset,
  'reset in mid body': hello,
  'RST after the answer': okBody,
  'answers twice': okBody,
  'answers before it has read the body, and closes': { ...okBody, requests: 0 },
  'closes a reused connection on the next request': okBody,
  'resets a reused connection on the next request': okBody,
  'begins to answer on a reused connection, then resets': okBody,
  'resets every request but the first': okBody,
  // redirect
  '301 elsewhere': { outcome: 301 },
  '302 to a private address': { outcome: 302 },
  '302 to a private address without a scheme': { outcome: 302 },
  '302 to a file': { outcome: 302 },
  '302 to another protocol': { outcome: 302 },
  '303 elsewhere': { outcome: 303 },
  '307 elsewhere': { outcome: 307 },
  '308 elsewhere': { outcome: 308 },
  '302 to itself': { outcome: 302 },
  '302 without location': { outcome: 302 },
  '300 with a choice': { outcome: 300 },
  '304 not modified': { outcome: 304 },
  'location with credentials': { outcome: 302 },
  'location of 100 KB': invalid,
  // refusal
  'answers 400': { outcome: 400 },
  'answers 401 and asks for a password': { outcome: 401 },
  'answers 404': { outcome: 404 },
  'answers 407 and asks for a password': { outcome: 407 },
  'answers 408 and closes': { outcome: 408 },
  'answers 410': { outcome: 410 },
  'answers 500': { outcome: 500 },
  'answers 502': { outcome: 502, pausedForMs: 5 * second },
  'answers 504': { outcome: 504, pausedForMs: 5 * second },
  ...throttling,
  // TLS
  'expired certificate': { ...noTls, message: /CERT_HAS_EXPIRED/ },
  'self-signed certificate': { ...noTls, message: /SELF_SIGNED/ },
  'certificate of another host': { ...noTls, message: /ALTNAME_INVALID/ },
  'certificate of the future': { ...noTls, message: /CERT_NOT_YET_VALID/ },
  'certificate of an unknown authority': { ...noTls, message: /UNABLE_TO_VERIFY/ },
  'HTTP/2 only': { ...noTls, message: /no application protocol/ },
  'hangs in the TLS handshake': slowTls,
  'drips its TLS handshake': slowTls,
  'slow TLS handshake': okBody,
  'resets in the TLS handshake': { ...noTls, message: /ECONNRESET/ },
  'plain HTTP on the TLS port': { ...noTls, message: /wrong version number/ },
  'TLS on the plain port': { ...invalid, requests: 0 },
  'renegotiates TLS 1.2': good,
  // names
  'name that is gone': noName,
  'name without an address': noName,
  'name server that fails': nameFault,
  'name server that hangs': { ...nameFault, endsBy: 'connect timeout' },
  'name that moves to a private address': { ...refused, message: /cloud metadata/ },
  'name that gains a private address': { ...refused, message: /private network/ },
  'name that leads to no address at all': nameFault,
  // good will
  'answers 200': okBody,
  'answers 200 over TLS': okBody,
  'asks to keep the connection for an hour': good,
}

export const kinds = Object.entries(expectations) as [Misbehaviour, Expectation][]
