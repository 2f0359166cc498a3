import type { Attempt } from '../../model.ts'
import type { Settlement } from '../storage.ts'
import type { Statements } from './database.ts'
import { Wakes } from './lanes.ts'
import { formatOrNull, toMs } from './rows.ts'
import { storeText } from './text.ts'

export function settleDeliveries(
  statements: Statements,
  { now, settlements }: { now: Date; settlements: Settlement[] },
): string[] {
  const wakes = new Wakes()
  const accepted = settlements.filter((settlement) => {
    if (!settle(statements, settlement)) return false
    const { attempt, dueAt } = settlement
    insertAttempt(statements, attempt)
    if (dueAt !== null) wakes.add(attempt.endpointId, attempt.tenantId, dueAt, now)
    return true
  })
  wakes.write(statements)
  return accepted.map((settlement) => settlement.id)
}

/** A delivery that was cancelled meanwhile counts the attempt, and stays unless it succeeded. */
const stays = "status = 'cancelled' AND :status <> 'succeeded'"

function settle(statements: Statements, settlement: Settlement): boolean {
  const { status, dueAt, completedAt } = settlement
  const changes = statements.run(
    `UPDATE webhooks_deliveries SET
        status = iif(${stays}, status, :status),
        due_at = iif(${stays}, NULL, :due_at),
        cancel_reason = iif(${stays}, cancel_reason, :cancel_reason),
        completed_at = iif(${stays}, completed_at, :completed_at),
        attempts = :attempts, step = iif(${stays}, step, :step), faults = iif(${stays}, faults, :faults),
        response_status = :response_status, last_error = :last_error, lease_token = NULL
      WHERE delivery_id = :id AND lease_token = :lease_token`,
    {
      id: settlement.id,
      lease_token: settlement.leaseToken,
      status,
      due_at: toMs(dueAt),
      cancel_reason: settlement.cancelReason,
      completed_at: toMs(completedAt),
      attempts: settlement.attempts,
      step: settlement.step,
      faults: settlement.faults,
      response_status: settlement.responseStatus,
      last_error: formatOrNull(settlement.lastError),
    },
  )
  return changes > 0
}

function insertAttempt(statements: Statements, attempt: Attempt): void {
  const { response } = attempt
  statements.run(
    `INSERT INTO webhooks_attempts
      (delivery_id, attempt_id, tenant_id, event_id, endpoint_id, number, started_at, duration_ms,
        succeeded, url, request_headers, error, response_status, response_headers, body_truncated,
        response_body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    attempt.deliveryId,
    attempt.id,
    storeText(attempt.tenantId),
    attempt.eventId,
    attempt.endpointId,
    attempt.number,
    attempt.startedAt.getTime(),
    attempt.durationMs,
    Number(attempt.succeeded),
    storeText(attempt.url),
    JSON.stringify(attempt.requestHeaders),
    formatOrNull(attempt.error),
    response?.status ?? null,
    formatOrNull(response?.headers ?? null),
    response === null ? null : Number(response.bodyTruncated),
    response === null ? null : storeText(response.body),
  )
}
