/** Receivers that answer properly, and not with what one hopes for. */
import { answers, type Behaviour } from './behaviour.ts'

function redirects(status: number, location: string | null): Behaviour {
  return location === null ? answers(status) : answers(status, `location: ${location}`)
}

export const kindsOfRedirect = {
  '301 elsewhere': redirects(301, 'http://elsewhere.test/'),
  '302 to a private address': redirects(302, 'http://169.254.169.254/'),
  '302 to a private address without a scheme': redirects(302, '//169.254.169.254/'),
  '302 to a file': redirects(302, 'file:///etc/passwd'),
  '302 to another protocol': redirects(302, 'gopher://127.0.0.1:6379/_FLUSHALL'),
  '303 elsewhere': redirects(303, 'http://elsewhere.test/'),
  '307 elsewhere': redirects(307, 'https://elsewhere.test/'),
  '308 elsewhere': redirects(308, 'https://elsewhere.test/'),
  '302 to itself': redirects(302, '/'),
  '302 without location': redirects(302, null),
  '300 with a choice': redirects(300, 'http://elsewhere.test/'),
  '304 not modified': answers(304),
  'location with credentials': redirects(302, 'http://user:secret@elsewhere.test/'),
  'location of 100 KB': redirects(302, `http://elsewhere.test/${'x'.repeat(100_000)}`),
} satisfies Record<string, Behaviour>

export const kindsOfRefusal = {
  'answers 400': answers(400),
  'answers 401 and asks for a password': answers(401, 'www-authenticate: Basic realm="x"'),
  'answers 404': answers(404),
  'answers 407 and asks for a password': answers(407, 'proxy-authenticate: Basic realm="x"'),
  'answers 408 and closes': answers(408, 'connection: close'),
  'answers 410': answers(410),
  'answers 500': answers(500),
  'answers 502': answers(502),
  'answers 504': answers(504),
} satisfies Record<string, Behaviour>

/** Each shape of a Retry-After header, by the words that end the name of its kinds. */
const retryAfterShapes = {
  'without Retry-After': [],
  'with Retry-After in seconds': ['120'],
  'with Retry-After 0': ['0'],
  'with Retry-After in spaces': ['  120  '],
  'with Retry-After as a date': ['Wed, 01 Jan 2200 00:00:00 GMT'],
  'with Retry-After as a date of the past': ['Wed, 21 Oct 2015 07:28:00 GMT'],
  'with Retry-After as an RFC 850 date': ['Sunday, 06-Nov-94 08:49:37 GMT'],
  'with Retry-After as an asctime date': ['Sun Nov  6 08:49:37 1994'],
  'with a negative Retry-After': ['-5'],
  'with an absurd Retry-After': ['99999999999999999999'],
  'with Retry-After as a fraction': ['1.5'],
  'with Retry-After as an exponent': ['1e3'],
  'with Retry-After as hexadecimal': ['0x10'],
  'with Retry-After as an ISO date': ['2200-01-01T00:00:00Z'],
  'with an empty Retry-After': [''],
  'with garbage in Retry-After': ['tomorrow'],
  'with two Retry-Afters': ['5', '10'],
} satisfies Record<string, string[]>

type RetryAfterShape = keyof typeof retryAfterShapes
type RetryAfterKind = `answers ${429 | 503} ${RetryAfterShape}`

export const kindsOfRetryAfter = Object.fromEntries(
  [429, 503].flatMap((status) =>
    Object.entries(retryAfterShapes).map(([shape, values]) => [
      `answers ${status} ${shape}`,
      answers(status, ...values.map((value) => `retry-after: ${value}`)),
    ]),
  ),
) as Record<RetryAfterKind, Behaviour>

export const kindsOfGoodWill = {
  'answers 200': {},
  'answers 200 over TLS': { certificate: 'valid', tls: { ALPNProtocols: ['h2', 'http/1.1'] } },
  'asks to keep the connection for an hour': answers(200, 'keep-alive: timeout=3600'),
} satisfies Record<string, Behaviour>
