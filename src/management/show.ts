import type { Attempt, WebhookEvent } from '../model.ts'
import type { ManagementAccess } from './access.ts'

/** An attempt, without the receiver's words for those who may not read them. */
export function showAttempt(attempt: Attempt, access: ManagementAccess): object {
  if (attempt.response === null || seesPayloads(access)) return attempt
  return { ...attempt, response: { ...attempt.response, body: null } }
}

/** An event, without its body for those who may not read it. */
export function showEvent(event: WebhookEvent, access: ManagementAccess): object {
  return seesPayloads(access) ? event : { ...event, body: null }
}

function seesPayloads({ actions }: ManagementAccess): boolean {
  return actions.includes('payloads')
}
