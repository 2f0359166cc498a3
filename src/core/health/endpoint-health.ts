import { WebhooksError } from '../../errors.ts'
import type { DisabledReason } from '../../model.ts'
import { checkOptions } from '../../option-names.ts'
import type { EndpointHealth } from '../../storage/storage.ts'

/** When a failing endpoint is switched off. */
export interface DisablePolicy {
  /** Time without one success, in milliseconds. Default 5 days. */
  afterMs: number
  /** Failed attempts that must have happened in that time as well. Default 10. */
  attempts: number
}

export const defaultDisablePolicy: DisablePolicy = { afterMs: 5 * 24 * 3_600_000, attempts: 10 }

/**
 * Checks when a failing endpoint is switched off, and fills in what is left out; `false`: never.
 *
 * @throws WebhooksError `invalid_option`
 */
export function resolveDisablePolicy(
  given: Partial<DisablePolicy> | false | undefined,
): DisablePolicy | false {
  if (given === false) return false
  const policy = checkOptions('disable', given ?? {}, ['afterMs', 'attempts'])
  const { afterMs = defaultDisablePolicy.afterMs, attempts = defaultDisablePolicy.attempts } =
    policy
  if (!Number.isSafeInteger(afterMs) || afterMs < 0) {
    throw new WebhooksError(
      'invalid_option',
      'disable.afterMs must be whole milliseconds from zero',
    )
  }
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new WebhooksError('invalid_option', 'disable.attempts must be a whole number above zero')
  }
  return { afterMs, attempts }
}

/** What the state of an endpoint calls for. */
export type HealthVerdict = 'healthy' | 'failing' | 'disable'

/**
 * Judges a streak of failures: `failing` once half of the time has passed (its owner should be
 * warned), `disable` at the end.
 */
export function judgeHealth(
  health: EndpointHealth,
  policy: DisablePolicy | false,
  now: Date,
): HealthVerdict {
  if (policy === false || health.failingSince === null) return 'healthy'
  const failingMs = now.getTime() - health.failingSince.getTime()
  if (failingMs >= policy.afterMs && health.failedAttempts >= policy.attempts) return 'disable'
  return failingMs >= policy.afterMs / 2 ? 'failing' : 'healthy'
}

/** Statuses by which a receiver says that it is overloaded (Standard Webhooks, section on retries). */
const throttlingStatuses = new Set([429, 502, 503, 504])

/** How long an endpoint rests that is overloaded and does not say for how long. */
const defaultPauseMs = 5_000

/**
 * How long an unsuccessful answer pauses its endpoint, in milliseconds: as long as the receiver
 * asks for, else briefly where the status speaks of overload, else not at all (`null`).
 */
export function pauseFor(status: number, retryAfterMs: number | null): number | null {
  return retryAfterMs ?? (throttlingStatuses.has(status) ? defaultPauseMs : null)
}

/** Failures in a row after which an endpoint is left alone between single probes. */
export const probeFrom = 10
const firstRestMs = 5_000
const longestRestMs = 5 * 60_000

/**
 * How long an endpoint rests after its `failures`-th failed attempt in a row, in milliseconds:
 * from the tenth on for five seconds, doubled with each further one up to five minutes. After a
 * rest one attempt probes it, one over all processes: the storage lets no other through.
 */
export function restAfter(failures: number): number | null {
  if (failures < probeFrom) return null
  return Math.min(firstRestMs * 2 ** (failures - probeFrom), longestRestMs)
}

/** Which answer switches an endpoint off at once: 410 Gone (Standard Webhooks). */
export function disabledByStatus(status: number): DisabledReason | null {
  return status === 410 ? 'gone' : null
}
