import type { Attempt } from '../../model.ts'
import type { Random } from '../../ports.ts'
import type { EndpointRecord, Settlement } from '../../storage/storage.ts'
import { testEventName } from '../events/event-name.ts'
import { disabledByStatus, pauseFor, restAfter } from '../health/endpoint-health.ts'
import { parseRetryAfter } from '../health/retry-after.ts'
import { delayAfterFault, delayBefore } from '../health/retry-policy.ts'
import type { Settings } from '../settings.ts'
import type { Job } from './dispatcher.ts'

/** What an attempt means for its delivery and for its endpoint. */
export interface Outcome {
  settlement: Settlement
  /** No request to the endpoint before this instant; `null` for no pause. */
  pausedUntil: Date | null
  /** Whether the answer asks to be left alone for good. */
  gone: boolean
}

/** An attempt that ended, to be recorded. */
export interface Ended {
  job: Job
  outcome: Outcome
}

/**
 * Decides what follows from an attempt. Failures of origin `sender` cost neither a place in the
 * schedule nor the endpoint's health.
 */
export function decideOutcome(
  job: Job,
  attempt: Attempt,
  { settings, random, now }: { settings: Settings; random: Random; now: Date },
): Outcome {
  const { delivery, endpoint } = job
  const common = {
    id: delivery.id,
    leaseToken: delivery.leaseToken ?? '',
    attempt,
    responseStatus: attempt.response?.status ?? null,
    lastError: attempt.error,
    cancelReason: null,
  }
  const later = (delayMs: number) => new Date(now.getTime() + delayMs)

  if (attempt.error?.origin === 'sender') {
    const faults = delivery.faults + 1
    const retryMs = delayAfterFault(faults, random)
    const { attempts, step } = delivery
    const settlement: Settlement = {
      ...common,
      status: retryMs === null ? 'failed' : 'pending',
      dueAt: retryMs === null ? null : later(retryMs),
      attempts,
      step,
      faults,
      completedAt: retryMs === null ? now : null,
    }
    return { settlement, pausedUntil: null, gone: false }
  }

  const counted = { attempts: delivery.attempts + 1, step: delivery.step + 1, faults: 0 }
  if (attempt.error === null) {
    const settlement: Settlement = {
      ...common,
      ...counted,
      status: 'succeeded',
      dueAt: null,
      completedAt: now,
    }
    return { settlement, pausedUntil: null, gone: false }
  }

  if (isTestSend(job)) {
    const settlement: Settlement = {
      ...common,
      ...counted,
      status: 'failed',
      dueAt: null,
      completedAt: now,
    }
    return { settlement, pausedUntil: null, gone: false }
  }

  const gone = attempt.response !== null && disabledByStatus(attempt.response.status) !== null
  const askedMs = pauseOf(attempt, settings, now)
  const pauseMs = Math.max(askedMs ?? 0, restAfter(endpoint.failedAttempts + 1) ?? 0)
  const retryMs = gone
    ? null
    : delayBefore(policyOf(endpoint, settings), counted.step, {
        random,
        atLeastMs: askedMs ?? undefined,
      })
  const settlement: Settlement = {
    ...common,
    ...counted,
    status: retryMs === null ? 'failed' : 'pending',
    dueAt: retryMs === null ? null : later(retryMs),
    completedAt: retryMs === null ? now : null,
  }
  return { settlement, pausedUntil: pauseMs > 0 ? later(pauseMs) : null, gone }
}

/**
 * A test send is one request, without retries and without blame: also where a worker takes it over
 * from a process that died.
 */
export function isTestSend({ event }: Job): boolean {
  return event.type === testEventName
}

function policyOf(endpoint: EndpointRecord, settings: Settings) {
  return endpoint.retry ?? settings.retry
}

function pauseOf({ response }: Attempt, settings: Settings, now: Date): number | null {
  if (response === null) return null
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'], {
    now,
    maxMs: settings.limits.retryAfterMs,
  })
  return pauseFor(response.status, retryAfterMs)
}
