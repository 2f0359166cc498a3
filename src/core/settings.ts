import { WebhooksError } from '../errors.ts'
import type { RetryPolicy } from '../model.ts'
import type { DisablePolicy } from './health/endpoint-health.ts'
import type { PayloadRedaction } from './redaction/payload-redaction.ts'
import type { CustomSignature } from './signing/custom-signature.ts'
import { isHeaderValue } from './signing/header-name.ts'

/** The bounds of one instance. Every one has a default. */
export interface Limits {
  /** Attempts under way at once in this process. Default 64. */
  inFlight: number
  /** Attempts under way at once per endpoint, in this process. Default 8. */
  inFlightPerEndpoint: number
  /**
   * Total time of one attempt in milliseconds, from name look-up to the last byte read. Default
   * 30,000, at most a day.
   */
  timeoutMs: number
  /** Time for look-up, TCP and TLS, in milliseconds. Default 5,000, at most a day. */
  connectTimeoutMs: number
  /**
   * How long a worker may hold a delivery without renewing, in milliseconds. Default 60,000. Must
   * be longer than `timeoutMs` by 5,000 at least: a lease that ends before its request is the
   * commonest source of duplicates. At most a week.
   */
  leaseMs: number
  /**
   * How long `stop()` waits for attempts under way, in milliseconds. Default 30,000, at most a day.
   */
  stopGraceMs: number
  /** Bytes of UTF-8 in a request body, beyond which `emit` refuses. Default 262,144. */
  payloadBytes: number
  /** Bytes of a response body that are read and kept. Default 16,384. */
  responseBytes: number
  /**
   * How long an old secret keeps signing beside the new one, in milliseconds. Those before it end no
   * later. Default 24 hours, at most a year.
   */
  rotationOverlapMs: number
  /**
   * The longest wait a receiver can ask for with Retry-After, in milliseconds. Default 24 hours, at
   * most a year.
   */
  retryAfterMs: number
}

const day = 24 * 3_600_000
const year = 365 * day

export const defaultLimits: Limits = {
  inFlight: 64,
  inFlightPerEndpoint: 8,
  timeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  leaseMs: 60_000,
  stopGraceMs: 30_000,
  payloadBytes: 256 * 1024,
  responseBytes: 16 * 1024,
  rotationOverlapMs: day,
  retryAfterMs: day,
}

/** What must remain of a lease after the longest attempt, to settle it. */
const leaseMarginMs = 5_000

/**
 * The most a limit may be: what is longer is a mistake in units. Node's timers hold no more than 24
 * days, and beyond it fire at once.
 */
const longest: { [Name in keyof Limits]?: number } = {
  timeoutMs: day,
  connectTimeoutMs: day,
  leaseMs: 7 * day,
  stopGraceMs: day,
  rotationOverlapMs: year,
  retryAfterMs: year,
}

/** Limits that may be zero; all others are at least one. */
const mayBeZero = new Set<keyof Limits>(['stopGraceMs', 'responseBytes', 'rotationOverlapMs'])

/**
 * Checks limits and fills in the defaults.
 *
 * @throws WebhooksError `invalid_option`
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...defaultLimits }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(limits, name))
      throw invalid(`limits.${name} is not a limit; there are ${names()}`)
    if (value === undefined) continue
    const key = name as keyof Limits
    if (!Number.isSafeInteger(value) || value < (mayBeZero.has(key) ? 0 : 1)) {
      throw invalid(`limits.${name} must be a whole number above zero, not ${String(value)}`)
    }
    const most = longest[key] ?? Number.MAX_SAFE_INTEGER
    if (value > most) throw invalid(`limits.${name} must be ${most} at most, not ${value}`)
    limits[key] = value
  }
  if (limits.leaseMs < limits.timeoutMs + leaseMarginMs) {
    throw invalid(
      `limits.leaseMs (${limits.leaseMs}) must be at least limits.timeoutMs (${limits.timeoutMs}) ` +
        `plus ${leaseMarginMs}: a lease that ends before its request sends duplicates`,
    )
  }
  return limits
}

const longestUserAgent = 256

/** Checks the `user-agent` header. @throws WebhooksError `invalid_option` */
export function resolveUserAgent(given = 'AINexLayer-Webhooks/1'): string {
  const isSendable =
    typeof given === 'string' && given.length <= longestUserAgent && isHeaderValue(given)
  if (isSendable) return given
  throw invalid(`userAgent must be 1 to ${longestUserAgent} printable ASCII characters`)
}

function names(): string {
  return Object.keys(defaultLimits).join(', ')
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}

/** What one instance was configured with, checked and complete. */
export interface Settings {
  retry: RetryPolicy
  disable: DisablePolicy | false
  limits: Limits
  /** A home-made signature sent beside the standard one. */
  customSignature: CustomSignature | null
  userAgent: string
  /** Payload fields that are hidden from those who look. */
  redaction: PayloadRedaction
}
