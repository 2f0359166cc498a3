import { WebhooksError } from '../../../errors.ts'

/** @param reason - What is wrong, and the way out; goes on after a colon. */
export function unsupported(reason: string): WebhooksError {
  return new WebhooksError(
    'transaction_unsupported',
    `The transaction given cannot carry an event: ${reason}.`,
  )
}
