import { WebhooksError } from '../../errors.ts'
import type { RetryPolicy } from '../../model.ts'
import { checkOptions } from '../../option-names.ts'
import type { Random } from '../../ports.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** Ten attempts over three days and a bit; Standard Webhooks asks for several days. */
export const defaultRetryPolicy: RetryPolicy = {
  delaysMs: [
    0,
    5 * second,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    24 * hour,
  ],
  jitter: 0.2,
}

/** A year: a delay beyond it is a mistake in units. */
const longestDelayMs = 365 * 24 * hour
const mostAttempts = 100

/**
 * Checks a retry policy and fills in what it leaves out.
 *
 * @throws WebhooksError `invalid_option`
 */
export function resolveRetryPolicy(
  policy: Partial<RetryPolicy> | undefined,
  fallback: RetryPolicy = defaultRetryPolicy,
): RetryPolicy {
  const { delaysMs = fallback.delaysMs, jitter = fallback.jitter } = checkOptions(
    'retry',
    policy ?? {},
    ['delaysMs', 'jitter'],
  )
  if (!Array.isArray(delaysMs) || delaysMs.length < 1 || delaysMs.length > mostAttempts) {
    throw invalid(`retry.delaysMs must list 1 to ${mostAttempts} delays, one per attempt`)
  }
  for (const delay of delaysMs) {
    if (!Number.isFinite(delay) || delay < 0 || delay > longestDelayMs) {
      throw invalid('every delay in retry.delaysMs must be milliseconds from 0 to one year')
    }
  }
  if (!Number.isFinite(jitter) || jitter < 0 || jitter > 1) {
    throw invalid('retry.jitter must be a number from 0 to 1, such as 0.2 for up to 20 %')
  }
  return { delaysMs: [...delaysMs], jitter }
}

/**
 * How long to wait before the attempt at place `step` of the schedule; `null` when the schedule
 * has no such attempt. What the receiver asked for (`atLeastMs`) is a floor that jitter adds to
 * and never undercuts.
 */
export function delayBefore(
  policy: RetryPolicy,
  step: number,
  { random, atLeastMs = 0 }: { random: Random; atLeastMs?: number | undefined },
): number | null {
  const delay = policy.delaysMs[step]
  if (delay === undefined) return null
  return Math.ceil(Math.max(delay, atLeastMs) * (1 + policy.jitter * random.next()))
}

const firstFaultDelayMs = 5 * second
const longestFaultDelayMs = 10 * minute

/** Over a week. A fault of ours that nobody mends ends a delivery as well, so that it is seen. */
const mostFaults = 1_000

/**
 * How long to wait after the `faults`-th failure in a row that was our own (origin `sender`);
 * `null` when there have been enough.
 */
export function delayAfterFault(faults: number, random: Random): number | null {
  if (faults >= mostFaults) return null
  const base = Math.min(firstFaultDelayMs * 2 ** (faults - 1), longestFaultDelayMs)
  return Math.ceil(base * (1 + 0.2 * random.next()))
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}
