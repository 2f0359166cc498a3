import type { Lease } from '../storage.ts'
import type { Statements } from './database.ts'
import { Wakes } from './lanes.ts'
import { readText, type StoredText } from './text.ts'

/** Later due times need no write to the lanes: what stands there is a lower bound. */
export function renewLeases(
  statements: Statements,
  { leases, leaseUntil }: { leases: Lease[]; leaseUntil: Date },
): string[] {
  const held = leases.filter(({ id, leaseToken }) => {
    const changes = statements.run(
      `UPDATE webhooks_deliveries SET due_at = iif(status = 'pending', ?, NULL)
        WHERE delivery_id = ? AND lease_token = ?`,
      leaseUntil.getTime(),
      id,
      leaseToken,
    )
    return changes > 0
  })
  return [...new Set(held.map((lease) => lease.id))]
}

export function releaseDeliveries(
  statements: Statements,
  { now, leases }: { now: Date; leases: Lease[] },
): void {
  const wakes = new Wakes()
  for (const { id, leaseToken } of leases) {
    const row = statements.get<{ endpoint_id: string; tenant_id: StoredText; status: string }>(
      `UPDATE webhooks_deliveries
        SET due_at = iif(status = 'pending', ?, NULL), lease_token = NULL
        WHERE delivery_id = ? AND lease_token = ?
        RETURNING endpoint_id, tenant_id, status`,
      now.getTime(),
      id,
      leaseToken,
    )
    if (row?.status === 'pending') {
      wakes.add(row.endpoint_id, readText(row.tenant_id), now, now)
    }
  }
  wakes.write(statements)
}
