import type {
  Attempt,
  DeliveryRecord,
  Lease,
  NewDelivery,
  Settlement,
  Storage,
} from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, insertRows, type Row, read, readIn, transact } from './database.ts'
import { readList } from './lists.ts'
import * as tables from './tables.ts'

type DeliveryMethods = Pick<
  Storage,
  | 'insertDeliveries'
  | 'renewLeases'
  | 'releaseDeliveries'
  | 'settleDeliveries'
  | 'requeueDeliveries'
  | 'cancelDeliveries'
  | 'getDelivery'
  | 'listDeliveries'
  | 'listAttempts'
>

/** Every change is made in the same way: lock the rows, decide about each in code, write them. */
export function deliveryMethods(pool: Pool): DeliveryMethods {
  return {
    insertDeliveries: ({ deliveries }) =>
      transact(pool, async (on) => idsOf(await addDeliveries(on, deliveries))),

    renewLeases: ({ leases, leaseUntil }) =>
      transact(pool, async (on) => {
        const held = await lockHeld(on, leases)
        const pending = held.filter(({ status }) => status === 'pending')
        await saveDeliveries(
          on,
          pending.map((row) => ({ ...row, dueAt: leaseUntil })),
        )
        return idsOf(held)
      }),

    releaseDeliveries: ({ now, leases }) =>
      transact(pool, async (on) => {
        const held = await lockHeld(on, leases)
        await saveDeliveries(
          on,
          held.map((row) => ({
            ...row,
            dueAt: row.status === 'pending' ? now : null,
            leaseToken: null,
          })),
        )
      }),

    settleDeliveries: ({ settlements }) =>
      transact(pool, (on) => settleDeliveries(on, settlements)),

    requeueDeliveries: ({ tenantId, ids, now }) =>
      transact(pool, async (on) => {
        const rows = await lockDeliveries(on, tenantId, ids)
        const changed = rows.filter((row) => !isUnderWay(row, now))
        await saveDeliveries(
          on,
          changed.map((row) => requeue(row, now)),
        )
        return idsOf(changed)
      }),

    cancelDeliveries: ({ tenantId, which, reason, now, limit }) =>
      transact(pool, async (on) => {
        const rows =
          'ids' in which
            ? await lockDeliveries(on, tenantId, which.ids)
            : await lockPending(on, tenantId, which.endpointId, limit)
        const cancelled = rows.filter(({ status }) => status === 'pending').slice(0, limit)
        await saveDeliveries(
          on,
          cancelled.map((row) => ({
            ...row,
            status: 'cancelled',
            cancelReason: reason,
            completedAt: now,
            dueAt: null,
          })),
        )
        return idsOf(cancelled)
      }),

    async getDelivery({ tenantId, id }) {
      const sql = 'SELECT * FROM webhooks_deliveries WHERE id = ? AND tenant_id = ?'
      const [row] = await read<Row>(pool, sql, [id, tenantId])
      return row === undefined ? null : tables.deliveries.fromRow(row)
    },

    listDeliveries: ({ tenantId, endpointId, eventId, type, status, since, until, ...page }) =>
      readList(
        pool,
        'webhooks_deliveries',
        {
          'tenant_id = ?': tenantId,
          'endpoint_id = ?': endpointId,
          'event_id = ?': eventId,
          'event_type = ?': type,
          'status = ?': status,
          'created_at >= ?': since?.getTime(),
          'created_at < ?': until?.getTime(),
        },
        page,
        tables.deliveries.fromRow,
      ),

    async listAttempts({ tenantId, deliveryIds }) {
      const rows = await readIn<Row>(
        pool,
        'SELECT * FROM webhooks_attempts WHERE delivery_id IN (?) AND tenant_id = ?',
        deliveryIds,
        [tenantId],
      )
      return rows.map(tables.attempts.fromRow).sort((a, b) => (a.id < b.id ? -1 : 1))
    },
  }
}

/** Records attempts with the next state of their deliveries. @returns Ids of those accepted. */
export async function settleDeliveries(on: Executor, settlements: Settlement[]): Promise<string[]> {
  const held = new Map((await lockHeld(on, settlements)).map((row) => [row.id, row]))
  const settled: DeliveryRecord[] = []
  const attempts: Attempt[] = []
  for (const settlement of settlements) {
    const row = held.get(settlement.id)
    if (row?.leaseToken !== settlement.leaseToken) continue
    // Of two for one delivery, the first counts.
    held.delete(row.id)
    settled.push(settle(row, settlement))
    attempts.push(settlement.attempt)
  }
  await saveDeliveries(on, settled)
  await insertRows(on, 'webhooks_attempts', attempts.map(tables.attempts.toRow))
  return idsOf(settled)
}

/**
 * Adds deliveries and leaves out those that exist, by event and endpoint. Whoever adds some locks
 * their events first: so nobody adds another between the look and the write, nor prunes the event.
 */
export async function addDeliveries(
  on: Executor,
  deliveries: NewDelivery[],
): Promise<NewDelivery[]> {
  const eventIds = deliveries.map(({ eventId }) => eventId)
  const events = await readIn<{ id: string }>(
    on,
    'SELECT id FROM webhooks_events WHERE id IN (?) FOR UPDATE',
    eventIds,
  )
  const standing = await readIn<{ event_id: string; endpoint_id: string }>(
    on,
    'SELECT event_id, endpoint_id FROM webhooks_deliveries WHERE event_id IN (?)',
    eventIds,
  )
  const known = new Set(idsOf(events))
  const taken = new Set(standing.map((row) => `${row.event_id} ${row.endpoint_id}`))
  const added = deliveries.filter(({ eventId, endpointId }) => {
    const pair = `${eventId} ${endpointId}`
    return known.has(eventId) && !taken.has(pair) && taken.add(pair)
  })
  const rows = added.map((given) => tables.deliveries.toRow(newDelivery(given)))
  await insertRows(on, 'webhooks_deliveries', rows)
  return added
}

/** A delivery at its beginning. */
function newDelivery(given: NewDelivery): DeliveryRecord {
  return {
    ...given,
    attempts: 0,
    step: 0,
    faults: 0,
    responseStatus: null,
    lastError: null,
    completedAt: given.status === 'cancelled' ? given.createdAt : null,
  }
}

function settle(row: DeliveryRecord, settlement: Settlement): DeliveryRecord {
  const { attempt: _, ...next } = settlement
  // Cancelled meanwhile: the attempt counts, and so it stays, unless the receiver has it now.
  if (row.status === 'cancelled' && next.status !== 'succeeded') {
    const { attempts, responseStatus, lastError } = next
    return { ...row, attempts, responseStatus, lastError, leaseToken: null }
  }
  return { ...row, ...next, leaseToken: null }
}

/** Whether a live lease holds it. */
function isUnderWay({ status, leaseToken, dueAt }: DeliveryRecord, now: Date): boolean {
  return status === 'pending' && leaseToken !== null && dueAt !== null && dueAt > now
}

function requeue(row: DeliveryRecord, now: Date): DeliveryRecord {
  const due: DeliveryRecord = { ...row, status: 'pending', dueAt: now, leaseToken: null }
  if (row.status === 'pending') return due
  return { ...due, step: 0, faults: 0, completedAt: null, cancelReason: null }
}

/** Locks deliveries, and gives those that hold the token under which they are named. */
async function lockHeld(on: Executor, leases: Lease[]): Promise<DeliveryRecord[]> {
  const sql = 'SELECT * FROM webhooks_deliveries WHERE id IN (?) FOR UPDATE'
  const rows = (await readIn<Row>(on, sql, idsOf(leases))).map(tables.deliveries.fromRow)
  const named = new Set(leases.map(({ id, leaseToken }) => `${id} ${leaseToken}`))
  return rows.filter(({ id, leaseToken }) => named.has(`${id} ${leaseToken}`))
}

async function lockDeliveries(
  on: Executor,
  tenantId: string,
  ids: string[],
): Promise<DeliveryRecord[]> {
  const sql = 'SELECT * FROM webhooks_deliveries WHERE id IN (?) AND tenant_id = ? FOR UPDATE'
  return (await readIn<Row>(on, sql, ids, [tenantId])).map(tables.deliveries.fromRow)
}

async function lockPending(
  on: Executor,
  tenantId: string,
  endpointId: string,
  limit: number,
): Promise<DeliveryRecord[]> {
  const rows = await read<Row>(
    on,
    `SELECT * FROM webhooks_deliveries FORCE INDEX (webhooks_deliveries_due)
      WHERE status = 'pending' AND tenant_id = ? AND endpoint_id = ? LIMIT ? FOR UPDATE`,
    [tenantId, endpointId, limit],
  )
  return rows.map(tables.deliveries.fromRow)
}

/** Writes locked rows back, many to a statement. */
async function saveDeliveries(on: Executor, deliveries: DeliveryRecord[]): Promise<void> {
  const rows = deliveries.map(tables.deliveries.toRow)
  const all = Object.keys(rows[0] ?? {}).map((column) => `${column} = VALUES(${column})`)
  await insertRows(on, 'webhooks_deliveries', rows, `ON DUPLICATE KEY UPDATE ${all.join(', ')}`)
}

function idsOf(rows: { id: string }[]): string[] {
  return rows.map(({ id }) => id)
}
