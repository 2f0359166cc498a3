import type { NewEvent, Storage } from '@ainexlayer/webhooks'
import type { Connection, Pool } from 'mysql2/promise'
import { type Executor, insertRows, type Row, read, readIn, transact } from './database.ts'
import { readList } from './lists.ts'
import { idempotencyHash, events as table } from './tables.ts'

type EventMethods = Pick<
  Storage<Connection>,
  'insertEvents' | 'getEvents' | 'listEvents' | 'listEventsWithoutDelivery'
>

export function eventMethods(pool: Pool): EventMethods {
  return {
    async insertEvents({ events, transaction }) {
      if (events.length === 0) return []
      if (transaction !== undefined) return insertEvents(transaction, events)
      return transact(pool, (on) => insertEvents(on, events))
    },

    async getEvents({ tenantId, ids }) {
      const sql = 'SELECT * FROM webhooks_events WHERE id IN (?) AND tenant_id = ?'
      return (await readIn<Row>(pool, sql, ids, [tenantId])).map(table.fromRow)
    },

    listEvents: ({ tenantId, type, since, until, ...page }) =>
      readList(
        pool,
        'webhooks_events',
        {
          'tenant_id = ?': tenantId,
          'type = ?': type,
          'created_at >= ?': since?.getTime(),
          'created_at < ?': until?.getTime(),
        },
        page,
        table.fromRow,
      ),

    async listEventsWithoutDelivery({ tenantId, endpointId, since, until, after, limit }) {
      const rows = await read<Row>(
        pool,
        `SELECT * FROM webhooks_events e
          WHERE tenant_id = ? AND id > ? AND created_at >= ? AND created_at < ? AND fan_out = 'done'
            AND NOT EXISTS (
              SELECT 1 FROM webhooks_deliveries d WHERE d.event_id = e.id AND d.endpoint_id = ?)
          ORDER BY id LIMIT ?`,
        [tenantId, after ?? '', since.getTime(), until.getTime(), endpointId, limit],
      )
      return rows.map(table.fromRow)
    },
  }
}

/**
 * A row whose id or key stands already is left as it is, by an update that changes nothing: INSERT
 * IGNORE would let other faults pass as well.
 *
 * Who holds a key is read under a lock, for in the host's transaction a plain read may show the
 * table as it was before. It finds every row it looks for, and so it locks no gap in which others
 * want to insert.
 */
async function insertEvents(on: Executor, events: NewEvent[]) {
  const given = events.map((event) => ({
    ...table.toRow(event),
    idempotency_hash: idempotencyHash(event),
    fan_out: event.fanOut ? 'waits' : 'never',
  }))
  await insertRows(on, 'webhooks_events', given, 'ON DUPLICATE KEY UPDATE id = id')
  const hashes = events.map(idempotencyHash)
  const rows = await readIn<{ id: string; created_at: number; idempotency_hash: string }>(
    on,
    `SELECT id, created_at, idempotency_hash FROM webhooks_events
      WHERE idempotency_hash IN (?) LOCK IN SHARE MODE`,
    hashes.filter((hash) => hash !== null),
  )
  const holders = new Map(rows.map((row) => [row.idempotency_hash, row]))
  return events.map(({ id, createdAt }, index) => {
    const holder = holders.get(hashes[index] ?? '')
    if (holder === undefined) return { id, createdAt, inserted: true }
    return { id: holder.id, createdAt: new Date(holder.created_at), inserted: holder.id === id }
  })
}
