import type { Attempt } from '../../model.ts'
import type { NewDelivery, Settlement } from '../storage.ts'
import type { Statements } from './database.ts'
import { Wakes } from './lanes.ts'
import { endLeaseHeld } from './leases.ts'
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

function settle(statements: Statements, settlement: Settlement): boolean {
  const { attempts, id, responseStatus, status } = settlement
  if (!endLeaseHeld(statements, settlement)) return false
  const lastError = formatOrNull(settlement.lastError)
  const unlessCancelled = status === 'succeeded' ? '' : "AND status = 'pending'"
  const changes = statements.run(
    `UPDATE webhooks_deliveries
      SET status = ?, due_at = ?, attempts = ?, step = ?, faults = ?, response_status = ?,
        last_error = ?, cancel_reason = ?, completed_at = ?
      WHERE delivery_id = ? ${unlessCancelled}`,
    status,
    toMs(settlement.dueAt),
    attempts,
    settlement.step,
    settlement.faults,
    responseStatus,
    lastError,
    settlement.cancelReason,
    toMs(settlement.completedAt),
    id,
  )
  if (changes > 0) return true
  // Cancelled while the attempt was under way: the attempt counts, and so it stays.
  statements.run(
    `UPDATE webhooks_deliveries SET attempts = ?, response_status = ?, last_error = ?
      WHERE delivery_id = ?`,
    attempts,
    responseStatus,
    lastError,
    id,
  )
  return true
}

/**
 * Adds a delivery whose first attempt has ended.
 *
 * @returns Whether it was added: not if the event has one for that endpoint already.
 */
export function insertSettled(
  statements: Statements,
  delivery: NewDelivery,
  settlement: Settlement,
  { now, wakes }: { now: Date; wakes: Wakes },
): boolean {
  const { id, tenantId, endpointId } = delivery
  const { attempt, dueAt } = settlement
  const changes = statements.run(
    `INSERT INTO webhooks_deliveries
      (delivery_id, tenant_id, event_id, endpoint_id, event_type, created_at, status, due_at,
        attempts, step, faults, response_status, last_error, cancel_reason, completed_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    id,
    storeText(tenantId),
    delivery.eventId,
    endpointId,
    storeText(delivery.eventType),
    delivery.createdAt.getTime(),
    settlement.status,
    toMs(dueAt),
    settlement.attempts,
    settlement.step,
    settlement.faults,
    settlement.responseStatus,
    formatOrNull(settlement.lastError),
    settlement.cancelReason,
    toMs(settlement.completedAt),
  )
  if (changes === 0) return false
  insertAttempt(statements, attempt)
  if (dueAt !== null) wakes.add(endpointId, tenantId, dueAt, now)
  return true
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
