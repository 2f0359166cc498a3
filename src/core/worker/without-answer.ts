import { isWebhooksError } from '../../errors.ts'
import type { Context } from '../context.ts'
import type { Ended } from './outcome.ts'

// A storage may refuse a text for what it holds. As long as an attempt is not on record, its receiver
// is called again and again: so what was said goes, and the attempt stays.

/** Whether a write that failed may succeed without what receivers have said. */
export function mayBeRefused({ logger }: Context, error: unknown): boolean {
  if (!isWebhooksError(error, 'storage_failed')) return false
  logger.warn({ reason: error.message }, 'Attempts are recorded without what was answered')
  return true
}

/** An attempt without what its receiver said. */
export function withoutAnswer({ job, outcome }: Ended): Ended {
  const { attempt, lastError, ...settlement } = outcome.settlement
  const { response, error } = attempt
  const bare = {
    response: response && { ...response, headers: {}, body: '', bodyTruncated: true },
    error: error && { ...error, message: 'The storage refused what was to be said of it' },
  }
  return {
    job,
    outcome: {
      ...outcome,
      settlement: {
        ...settlement,
        attempt: { ...attempt, ...bare },
        lastError: lastError && bare.error,
      },
    },
  }
}
