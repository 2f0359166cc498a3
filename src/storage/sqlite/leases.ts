import type { DeliveryStatus } from '../../model.ts'
import type { Lease } from '../storage.ts'
import type { Statements } from './database.ts'
import { Wakes } from './lanes.ts'
import { readText, type StoredText, storeText } from './text.ts'

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
    const row = statements.get<LeasedRow>(
      `UPDATE webhooks_deliveries SET due_at = iif(status = 'pending', ?, NULL)
        WHERE delivery_id = ? AND lease_token = ?
        RETURNING endpoint_id, tenant_id, status`,
      leaseUntil.getTime(),
      id,
      storeText(leaseToken),
    )
    // With a clock that steps back, this end may come before the one it replaces.
    if (row?.status === 'pending') {
      wakes.add(row.endpoint_id, readText(row.tenant_id), leaseUntil, null)
    }
    return row !== undefined
  })
  wakes.write(statements)
  return [...new Set(held.map((lease) => lease.id))]
}

export function releaseDeliveries(
  statements: Statements,
  { now, leases }: { now: Date; leases: Lease[] },
): void {
  const wakes = new Wakes()
  for (const { id, leaseToken } of leases) {
    const row = statements.get<LeasedRow>(
      `UPDATE webhooks_deliveries
        SET due_at = iif(status = 'pending', ?, NULL), lease_token = NULL
        WHERE delivery_id = ? AND lease_token = ?
        RETURNING endpoint_id, tenant_id, status`,
      now.getTime(),
      id,
      storeText(leaseToken),
    )
    if (row?.status === 'pending') {
      wakes.add(row.endpoint_id, readText(row.tenant_id), now, now)
    }
  }
  wakes.write(statements)
}
