import type { Attempt, AttemptResponse } from '../../model.ts'
import { parseRetryAfter } from '../health/retry-after.ts'
import { mapValues } from '../map-values.ts'
import { redacted, type Scrub, scrubber } from './scrub.ts'

const loggedAsSent = new Set([
  'content-type',
  'accept-encoding',
  'user-agent',
  'traceparent',
  'webhook-id',
  'webhook-timestamp',
])

/** Values that say nothing about anybody, and that answers repeat. */
const commonplace = new Set(['accept', 'accept-language'])

/** Response headers that hold credentials, sessions, or challenges to them, by their names. */
const sensitiveName = /auth|cookie|token|secret|signature|passw|credential|session|api-?key/i

/**
 * An attempt as the log keeps it. A signature, an API key or a session in it would be a leak, and a
 * receiver's error page may well repeat what it was sent.
 *
 * @param headers - As they were sent.
 * @param hidden - Further texts to take out: signing secrets, and fields of the payload.
 */
export function redactAttempt(
  attempt: Pick<Attempt, 'response' | 'error'>,
  { headers, hidden, now }: { headers: Record<string, string>; hidden: string[]; now: Date },
): Pick<Attempt, 'requestHeaders' | 'response' | 'error'> {
  const secrets = [...hidden]
  const requestHeaders = mapValues(headers, (value, name) => {
    if (loggedAsSent.has(name)) return value
    if (!commonplace.has(name)) secrets.push(value, ...partsOf(value))
    return redacted
  })
  const scrub = scrubber(secrets)
  const { response, error } = attempt
  return {
    requestHeaders,
    response: response && redactResponse(response, scrub, now),
    error: error && { ...error, message: scrub(error.message) },
  }
}

/** Shorter ones say what a value is, such as `Bearer` and `v1`. */
const shortestPart = 8

/** A token without its scheme, and each of several signatures: whoever reads them takes them apart. */
function partsOf(value: string): string[] {
  return value.split(/[\s,;]+/).filter(({ length }) => length >= shortestPart)
}

function redactResponse(response: AttemptResponse, scrub: Scrub, now: Date): AttemptResponse {
  const headers = mapValues(response.headers, (value, name) => {
    // It decides when the next attempt is due, and has no room for a secret.
    const asks = name === 'retry-after' && parseRetryAfter(value, { now, maxMs: 1 }) !== null
    if (asks) return value
    return sensitiveName.test(name) ? redacted : scrub(value)
  })
  return { ...response, headers, body: scrub(response.body) }
}
