import type { Attempt } from '../../model.ts'
import type {
  DeliveryListParams,
  DeliveryRecord,
  ListResult,
  NewDelivery,
  Storage,
} from '../storage.ts'
import type { Statements, Value } from './database.ts'
import { Wakes } from './lanes.ts'
import { endLease, isFree, leaseDelivery } from './leases.ts'
import { type ListSource, readList } from './list.ts'
import {
  type AttemptRow,
  type DeliveryRow,
  deliveriesWithLeases,
  deliveryColumns,
  toAttempt,
  toDeliveryRecord,
  toMs,
} from './rows.ts'
import { type StoredText, storeText } from './text.ts'

/** @returns Whether it was inserted: not if the event has one for that endpoint already. */
export function insertDelivery(
  statements: Statements,
  delivery: NewDelivery,
  { now, wakes }: { now: Date; wakes: Wakes },
): boolean {
  const { id, tenantId, endpointId, dueAt, leaseToken } = delivery
  const changes = statements.run(
    `INSERT INTO webhooks_deliveries
      (delivery_id, tenant_id, event_id, endpoint_id, event_type, status, due_at, cancel_reason,
        created_at, completed_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    id,
    storeText(tenantId),
    delivery.eventId,
    endpointId,
    storeText(delivery.eventType),
    delivery.status,
    toMs(dueAt),
    delivery.cancelReason,
    delivery.createdAt.getTime(),
    delivery.status === 'pending' ? null : delivery.createdAt.getTime(),
  )
  if (changes === 0) return false
  if (dueAt !== null) {
    if (leaseToken !== null) leaseDelivery(statements, id, { leaseToken, leaseUntil: dueAt })
    wakes.add(endpointId, tenantId, dueAt, now)
  }
  return true
}

/** A delivery whose event was pruned meanwhile is left out as well: there is nothing to send. */
export function insertDeliveries(
  statements: Statements,
  { deliveries }: Parameters<Storage['insertDeliveries']>[0],
): string[] {
  const wakes = new Wakes()
  const inserted = deliveries.filter(
    (delivery) =>
      markOwed(statements, delivery.eventId) &&
      insertDelivery(statements, delivery, { now: delivery.createdAt, wakes }),
  )
  wakes.write(statements)
  return inserted.map((delivery) => delivery.id)
}

/** Keeps an event from being pruned. @returns Whether there is one. */
function markOwed(statements: Statements, eventId: string): boolean {
  return statements.run('UPDATE webhooks_events SET owed = 1 WHERE event_id = ?', eventId) > 0
}

export function requeueDeliveries(
  statements: Statements,
  { tenantId, ids, now }: { tenantId: string; ids: string[]; now: Date },
): string[] {
  const wakes = new Wakes()
  const requeued = [...new Set(ids)].filter((id) => {
    const row = statements.get<{ endpoint_id: string }>(
      `UPDATE webhooks_deliveries SET
          step = iif(status = 'pending', step, 0), faults = iif(status = 'pending', faults, 0),
          status = 'pending', due_at = :now, cancel_reason = NULL, completed_at = NULL
        WHERE delivery_id = :id AND tenant_id = :tenant
          AND (status <> 'pending' OR ${isFree})
        RETURNING endpoint_id`,
      { id, tenant: storeText(tenantId), now: now.getTime() },
    )
    if (row === undefined) return false
    endLease(statements, id)
    wakes.add(row.endpoint_id, tenantId, now, now)
    return true
  })
  wakes.write(statements)
  return requeued
}

export function cancelDeliveries(
  statements: Statements,
  { tenantId, which, reason, now, limit }: Parameters<Storage['cancelDeliveries']>[0],
): string[] {
  const tenant = storeText(tenantId)
  const ids =
    'ids' in which
      ? [...new Set(which.ids)]
      : pendingOf(statements, which.endpointId, tenant, limit)
  const cancelled: string[] = []
  for (const id of ids) {
    if (cancelled.length === limit) break
    const changes = statements.run(
      `UPDATE webhooks_deliveries
        SET status = 'cancelled', due_at = NULL, cancel_reason = ?, completed_at = ?
        WHERE delivery_id = ? AND tenant_id = ? AND status = 'pending'`,
      reason,
      now.getTime(),
      id,
      tenant,
    )
    if (changes > 0) cancelled.push(id)
  }
  return cancelled
}

function pendingOf(
  statements: Statements,
  endpointId: string,
  tenant: StoredText,
  limit: number,
): string[] {
  const rows = statements.all<{ delivery_id: string }>(
    `SELECT delivery_id FROM webhooks_deliveries INDEXED BY webhooks_deliveries_pending
      WHERE endpoint_id = ? AND due_at IS NOT NULL AND tenant_id = ? LIMIT +?`,
    endpointId,
    tenant,
    limit,
  )
  return rows.map((row) => row.delivery_id)
}

export function getDelivery(
  statements: Statements,
  { tenantId, id }: { tenantId: string; id: string },
): DeliveryRecord | null {
  const row = statements.getTuple<DeliveryRow>(
    `SELECT ${deliveryColumns} FROM ${deliveriesWithLeases}
      WHERE delivery.delivery_id = ? AND tenant_id = ?`,
    id,
    storeText(tenantId),
  )
  return row === undefined ? null : toDeliveryRecord(row)
}

export function listDeliveries(
  statements: Statements,
  params: DeliveryListParams,
): ListResult<DeliveryRecord> {
  const { ids, total } = readList(statements, params, deliveryList(params))
  const sql = `SELECT ${deliveryColumns} FROM ${deliveriesWithLeases}
    WHERE delivery.delivery_id = ?`
  const rows = ids.map((id) => statements.getTuple<DeliveryRow>(sql, id))
  return { items: rows.filter((row) => row !== undefined).map(toDeliveryRecord), total }
}

const statuses = ['pending', 'succeeded', 'failed', 'cancelled'] as const

function deliveryList(params: DeliveryListParams): ListSource {
  const { tenantId, endpointId, eventId, type, status, since, until } = params
  const tenant = storeText(tenantId)
  const filters = [
    { sql: 'event_type = :type', name: 'type', value: type === undefined ? type : storeText(type) },
    { sql: 'created_at >= :since', name: 'since', value: since?.getTime() },
    { sql: 'created_at < :until', name: 'until', value: until?.getTime() },
  ]
  if (eventId !== undefined) {
    return {
      // At most one per endpoint: few enough to be sorted.
      from: 'webhooks_deliveries INDEXED BY webhooks_deliveries_by_event',
      id: 'delivery_id',
      stretches: ['tenant_id = :tenant AND event_id = :event'],
      filters: [
        ...filters,
        { sql: 'endpoint_id = :endpoint', name: 'endpoint', value: endpointId },
        { sql: 'status = :status', name: 'status', value: status },
      ],
      values: { tenant, event: eventId },
    }
  }
  const values: Record<string, Value> = { tenant }
  if (endpointId !== undefined) values.endpoint = endpointId
  if (status !== undefined) values.status = status
  // Most of an endpoint's deliveries succeed, so that its own list soon has a page of those; the
  // others are few, and quickly found among those of the tenant.
  if (endpointId !== undefined && (status === undefined || status === 'succeeded')) {
    const ofStatus = status === undefined ? '' : ' AND status = :status'
    return {
      from: 'webhooks_deliveries INDEXED BY webhooks_deliveries_by_endpoint',
      id: 'delivery_id',
      stretches: [`tenant_id = :tenant AND endpoint_id = :endpoint${ofStatus}`],
      filters,
      values,
    }
  }
  const ofEndpoint = endpointId === undefined ? '' : ' AND endpoint_id = :endpoint'
  return {
    from: 'webhooks_deliveries INDEXED BY webhooks_deliveries_by_status',
    id: 'delivery_id',
    stretches:
      status === undefined
        ? statuses.map((one) => `tenant_id = :tenant AND status = '${one}'`)
        : [`tenant_id = :tenant AND status = :status${ofEndpoint}`],
    filters,
    values,
  }
}

export function listAttempts(
  statements: Statements,
  { tenantId, deliveryIds }: { tenantId: string; deliveryIds: string[] },
): Attempt[] {
  const tenant = storeText(tenantId)
  const rows = [...new Set(deliveryIds)].flatMap((id) =>
    statements.all<AttemptRow>(
      `SELECT * FROM webhooks_attempts WHERE delivery_id = ? AND tenant_id = ?
        ORDER BY attempt_id`,
      id,
      tenant,
    ),
  )
  return rows.sort(byAttemptId).map(toAttempt)
}

function byAttemptId(a: AttemptRow, b: AttemptRow): number {
  return a.attempt_id < b.attempt_id ? -1 : 1
}
