/**
 * Leases of deliveries. A delivery without one, or whose lease has ended, is free to be claimed
 * once it is due. A lease that has ended stays until another worker takes over: a late worker may
 * still settle under it.
 */
import type { DeliveryStatus } from '../../model.ts'
import type { Lease } from '../storage.ts'
import type { Statements } from './database.ts'
import { Wakes } from './lanes.ts'
import { readText, type StoredText, storeText } from './text.ts'

/** The `due_at` of a lease that has ended and been noticed. */
const ended = 0

/**
 * Whether nobody holds a row of `webhooks_deliveries` at `:now`. When a lease ended that was noticed,
 * the row itself says: a clock that has stepped back since may not have come to that yet.
 */
export const isFree = `NOT EXISTS (
  SELECT 1 FROM webhooks_delivery_leases AS lease
  WHERE lease.delivery_id = webhooks_deliveries.delivery_id
    AND iif(lease.due_at > ${ended}, lease.due_at, webhooks_deliveries.due_at) > :now)`

export function leaseDelivery(
  statements: Statements,
  id: string,
  { leaseToken, leaseUntil }: { leaseToken: string; leaseUntil: Date },
): void {
  statements.run(
    'REPLACE INTO webhooks_delivery_leases (delivery_id, lease_token, due_at) VALUES (?, ?, ?)',
    id,
    storeText(leaseToken),
    leaseUntil.getTime(),
  )
}

/** @returns Whether it was held under that token. */
export function endLeaseHeld(statements: Statements, { id, leaseToken }: Lease): boolean {
  const sql = 'DELETE FROM webhooks_delivery_leases WHERE delivery_id = ? AND lease_token = ?'
  return statements.run(sql, id, storeText(leaseToken)) > 0
}

export function endLease(statements: Statements, id: string): void {
  statements.run('DELETE FROM webhooks_delivery_leases WHERE delivery_id = ?', id)
}

/**
 * Notices leases that have ended: their deliveries are due again, since the end of the lease. Reads
 * all leases there are, which are as many as workers hold.
 */
export function noticeEndedLeases(statements: Statements, now: Date): void {
  const rows = statements.all<{ delivery_id: string; due_at: number }>(
    `SELECT delivery_id, due_at FROM webhooks_delivery_leases WHERE due_at > ${ended} AND due_at <= ?`,
    now.getTime(),
  )
  for (const { delivery_id, due_at } of rows) {
    statements.run(
      "UPDATE webhooks_deliveries SET due_at = ? WHERE delivery_id = ? AND status = 'pending'",
      due_at,
      delivery_id,
    )
    statements.run(
      `UPDATE webhooks_delivery_leases SET due_at = ${ended} WHERE delivery_id = ?`,
      delivery_id,
    )
  }
}

interface LeasedRow {
  endpoint_id: string
  tenant_id: StoredText
  status: DeliveryStatus
}

export function renewLeases(
  statements: Statements,
  { leases, leaseUntil }: { leases: Lease[]; leaseUntil: Date },
): string[] {
  const wakes = new Wakes()
  const held = leases.filter(({ id, leaseToken }) => {
    const changes = statements.run(
      'UPDATE webhooks_delivery_leases SET due_at = ? WHERE delivery_id = ? AND lease_token = ?',
      leaseUntil.getTime(),
      id,
      storeText(leaseToken),
    )
    if (changes === 0) return false
    // With a clock that steps back, this end may come before the one it replaces, and before the
    // instant at which the delivery was due.
    const row = statements.get<LeasedRow>(
      `UPDATE webhooks_deliveries SET due_at = min(due_at, ?) WHERE delivery_id = ?
        RETURNING endpoint_id, tenant_id, status`,
      leaseUntil.getTime(),
      id,
    )
    if (row?.status === 'pending') {
      wakes.add(row.endpoint_id, readText(row.tenant_id), leaseUntil, null)
    }
    return true
  })
  wakes.write(statements)
  return [...new Set(held.map((lease) => lease.id))]
}

export function releaseDeliveries(
  statements: Statements,
  { now, leases }: { now: Date; leases: Lease[] },
): void {
  const wakes = new Wakes()
  for (const lease of leases) {
    if (!endLeaseHeld(statements, lease)) continue
    const row = statements.get<LeasedRow>(
      `UPDATE webhooks_deliveries SET due_at = ? WHERE delivery_id = ? AND status = 'pending'
        RETURNING endpoint_id, tenant_id, status`,
      now.getTime(),
      lease.id,
    )
    if (row !== undefined) wakes.add(row.endpoint_id, readText(row.tenant_id), now, now)
  }
  wakes.write(statements)
}
