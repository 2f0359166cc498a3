import type { EventRecord, Storage } from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, type Row, read, readIn, transact, writeIn } from './database.ts'
import { addDeliveries, settleDeliveries } from './deliveries.ts'
import { dueAlways, endpoints, events } from './tables.ts'
import { Turns } from './turns.ts'

type FanOutMethods = Pick<Storage, 'claimEvents' | 'listSubscribers' | 'fanOut' | 'releaseEvents'>
type Claim = Parameters<Storage['claimEvents']>[0]

export function fanOutMethods(pool: Pool): FanOutMethods {
  const turns = new Turns()
  return {
    claimEvents: (claim) =>
      transact(pool, async (on) => {
        const tenants = await read<{ tenant_id: string }>(
          on,
          "SELECT tenant_id FROM webhooks_events WHERE fan_out = 'waits' GROUP BY tenant_id",
        )
        const places = tenants.map(({ tenant_id: id }) => ({ id, tenantId: id }))
        const room = new Map(places.map(({ id }) => [id, claim.limit]))
        return turns.serve(places, { limit: claim.limit, room }, ({ tenantId }, count) =>
          leaseEvents(on, tenantId, count, claim),
        )
      }),

    async listSubscribers({ tenantId, position, emittedAt, after, limit }) {
      const rows = await read<Row>(
        pool,
        `SELECT * FROM webhooks_endpoints
          WHERE tenant_id = ? AND id > ? AND active_position < ? AND deleted_at IS NULL
            AND (active OR disabled_at >= ?)
          ORDER BY id LIMIT ?`,
        [tenantId, after ?? '', position, emittedAt.getTime(), limit],
      )
      return rows.map(endpoints.fromRow)
    },

    fanOut: ({ results, settlements = [] }) =>
      transact(pool, async (on) => {
        const leases = results.map(({ eventId, leaseToken }) => ({ id: eventId, leaseToken }))
        const held = new Set(await lockHeldEvents(on, leases))
        const accepted = results.filter(({ eventId }) => held.has(eventId))
        const added = await addDeliveries(
          on,
          accepted.flatMap(({ deliveries }) => deliveries),
        )
        await writeIn(
          on,
          'UPDATE webhooks_events SET fan_out = ?, lease_token = NULL WHERE id IN (?)',
          ['done'],
          accepted.filter(({ done }) => done).map(({ eventId }) => eventId),
        )
        const addedIds = new Set(added.map(({ id }) => id))
        const ofAdded = settlements.filter(({ id }) => addedIds.has(id))
        return { events: [...held], settled: await settleDeliveries(on, ofAdded) }
      }),

    releaseEvents: ({ leases }) =>
      transact(pool, async (on) =>
        writeIn(
          on,
          'UPDATE webhooks_events SET due_at = ?, lease_token = NULL WHERE id IN (?)',
          [dueAlways],
          await lockHeldEvents(on, leases),
        ),
      ),
  }
}

/** Rows that another claim has locked are left to it. */
async function leaseEvents(
  on: Executor,
  tenantId: string,
  count: number,
  { now, leaseToken, leaseUntil }: Claim,
): Promise<EventRecord[]> {
  const rows = await read<Row>(
    on,
    `SELECT * FROM webhooks_events FORCE INDEX (webhooks_events_waiting)
      WHERE fan_out = 'waits' AND tenant_id = ? AND due_at <= ?
      ORDER BY position LIMIT ? FOR UPDATE SKIP LOCKED`,
    [tenantId, now.getTime(), count],
  )
  const leased = rows.map(events.fromRow)
  await writeIn(
    on,
    'UPDATE webhooks_events SET due_at = ?, lease_token = ? WHERE id IN (?)',
    [leaseUntil.getTime(), leaseToken],
    leased.map(({ id }) => id),
  )
  return leased
}

/** Locks events, and names those that hold the token under which they are named. */
async function lockHeldEvents(
  on: Executor,
  leases: { id: string; leaseToken: string }[],
): Promise<string[]> {
  const rows = await readIn<{ id: string; lease_token: string | null }>(
    on,
    "SELECT id, lease_token FROM webhooks_events WHERE id IN (?) AND fan_out = 'waits' FOR UPDATE",
    leases.map(({ id }) => id),
  )
  const tokens = new Map(rows.map((row) => [row.id, row.lease_token]))
  return leases.filter((lease) => tokens.get(lease.id) === lease.leaseToken).map(({ id }) => id)
}
