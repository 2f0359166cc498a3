import type { NewEvent, Storage } from '@ainexlayer/webhooks'
import type { Connection, Pool } from 'mysql2/promise'
import { type Executor, insertRows, type Row, read, readIn, transact } from './database.ts'
import { readList } from './lists.ts'
import { dueAlways, idempotencyHash, events as table } from './tables.ts'

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
 * Looks for keys before it inserts, for a duplicate costs more than the look: InnoDB then locks the
 * gap before it in the index, and others who insert there wait for the end of the host's
 * transaction. What comes in between meets the update that changes nothing. (INSERT IGNORE would
 * let other faults pass as well.)
 */
async function insertEvents(on: Executor, events: NewEvent[]) {
  const hashes = events.map(idempotencyHash)
  const holders: Holders = new Map()
  await findHolders(on, hashes, holders)
  const tried = new Set(holders.keys())
  const fresh = events.filter((_, index) => {
    const hash = hashes[index] ?? null
    return hash === null || (!tried.has(hash) && tried.add(hash))
  })
  const rows = fresh.map((event) => ({
    ...table.toRow(event),
    idempotency_hash: idempotencyHash(event),
    fan_out: event.fanOut ? 'waits' : 'never',
    lease_token: event.lease?.leaseToken ?? null,
    due_at: event.lease?.leaseUntil.getTime() ?? dueAlways,
  }))
  await insertRows(on, 'webhooks_events', rows, 'ON DUPLICATE KEY UPDATE id = id')
  await findHolders(on, hashes, holders)
  // In the host's transaction a plain read may show the table as it was before. This one does not.
  await findHolders(on, hashes, holders, 'LOCK IN SHARE MODE')
  const others = events.filter((_, index) => !holders.has(hashes[index] ?? ''))
  const rowOf = await findRows(
    on,
    others.map(({ id }) => id),
  )
  return events.map(({ id }, index) => {
    const row = holders.get(hashes[index] ?? '') ?? rowOf.get(id)
    if (row === undefined) throw new Error(`Event ${id} was inserted, and is not there`)
    const createdAt = new Date(row.created_at)
    return { id: row.id, createdAt, position: row.position, inserted: row.id === id }
  })
}

/** An event that stands for a given one: itself, or the one that has its key. */
interface StandingRow {
  id: string
  created_at: number
  position: number
}

/** A plain read shows what was inserted here. One that was there before may need the other kind. */
async function findRows(on: Executor, ids: string[]): Promise<Map<string, StandingRow>> {
  const found = new Map<string, StandingRow>()
  for (const lock of ['', 'LOCK IN SHARE MODE']) {
    const rows = await readIn<StandingRow>(
      on,
      `SELECT id, created_at, position FROM webhooks_events WHERE id IN (?) ${lock}`,
      ids.filter((id) => !found.has(id)),
    )
    for (const row of rows) found.set(row.id, row)
  }
  return found
}

type Holders = Map<string, StandingRow>

/** Adds who holds the keys of which that is not known yet. */
async function findHolders(
  on: Executor,
  hashes: (string | null)[],
  holders: Holders,
  lock = '',
): Promise<void> {
  const rows = await readIn<StandingRow & { idempotency_hash: string }>(
    on,
    `SELECT id, created_at, position, idempotency_hash FROM webhooks_events
      WHERE idempotency_hash IN (?) ${lock}`,
    hashes.filter((hash): hash is string => hash !== null && !holders.has(hash)),
  )
  for (const row of rows) holders.set(row.idempotency_hash, row)
}
