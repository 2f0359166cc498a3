import type { EndpointRecord, HealthChange, Storage } from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, insertRows, type Row, read, readIn, transact } from './database.ts'
import { readList } from './lists.ts'
import { endpoints as table } from './tables.ts'

type EndpointMethods = Pick<
  Storage,
  | 'insertEndpoint'
  | 'updateEndpoint'
  | 'deleteEndpoint'
  | 'getEndpoint'
  | 'listEndpoints'
  | 'listAllEndpoints'
  | 'recordHealth'
>

export function endpointMethods(pool: Pool): EndpointMethods {
  return {
    insertEndpoint: ({ endpoint }) =>
      transact(pool, async (on) => {
        const row = table.toRow({
          ...endpoint,
          updatedAt: endpoint.createdAt,
          activePosition: await newestPosition(on),
        })
        await insertRows(on, 'webhooks_endpoints', [row], 'ON DUPLICATE KEY UPDATE id = id')
        const stored = await readIn<Row>(on, 'SELECT * FROM webhooks_endpoints WHERE id IN (?)', [
          endpoint.id,
        ])
        return table.fromRow({ ...row, ...stored[0] })
      }),

    updateEndpoint: ({ tenantId, id, changes, now, ifVersion }) =>
      transact(pool, async (on) => {
        const [row] = await read<Row>(on, `${selectOne} FOR UPDATE`, [id, tenantId])
        if (row === undefined) return null
        const before = table.fromRow(row)
        if (ifVersion !== undefined && ifVersion !== before.version) return 'version_mismatch'
        const given = Object.entries(changes).filter(([, value]) => value !== undefined)
        const after: EndpointRecord = {
          ...before,
          ...Object.fromEntries(given),
          version: before.version + 1,
          updatedAt: now,
        }
        if (after.active && !before.active) {
          Object.assign(after, { pausedUntil: null, failingSince: null, failedAttempts: 0 })
          after.activePosition = await newestPosition(on)
          await endProbe(on, id)
        }
        await saveEndpoint(on, after)
        // A new limit starts with a full bucket.
        if (changes.rateLimit !== undefined) {
          await on.query('UPDATE webhooks_endpoints SET tokens_spent = 0 WHERE id = ?', [id])
        }
        return after
      }),

    deleteEndpoint: ({ tenantId, id, now }) =>
      transact(pool, async (on) => {
        const [row] = await read<Row>(on, `${selectOne} FOR UPDATE`, [id, tenantId])
        if (row === undefined) return false
        await on.query(
          "UPDATE webhooks_endpoints SET deleted_at = ?, headers = '{}', secrets = '[]' WHERE id = ?",
          [now.getTime(), id],
        )
        return true
      }),

    async getEndpoint({ tenantId, id }) {
      const [row] = await read<Row>(pool, selectOne, [id, tenantId])
      return row === undefined ? null : table.fromRow(row)
    },

    listEndpoints: ({ tenantId, active, ...page }) =>
      readList(
        pool,
        'webhooks_endpoints',
        { 'deleted_at IS NULL AND tenant_id = ?': tenantId, 'active = ?': active },
        page,
        table.fromRow,
      ),

    async listAllEndpoints({ after, limit }) {
      const rows = await read<Row>(
        pool,
        `SELECT * FROM webhooks_endpoints WHERE id > ? AND deleted_at IS NULL
          ORDER BY id LIMIT ?`,
        [after ?? '', limit],
      )
      return rows.map(table.fromRow)
    },

    recordHealth: ({ changes }) =>
      transact(pool, async (on) => {
        const rows = await readIn<Row>(
          on,
          'SELECT * FROM webhooks_endpoints WHERE id IN (?) AND deleted_at IS NULL FOR UPDATE',
          changes.map(({ endpointId }) => endpointId),
        )
        const endpoints = new Map(rows.map(table.fromRow).map((row) => [row.id, row]))
        for (const change of changes) {
          const endpoint = endpoints.get(change.endpointId)
          if (endpoint !== undefined) applyHealth(endpoint, change)
          if (change.succeeded) await endProbe(on, change.endpointId)
          else await endProbe(on, change.endpointId, change.leaseTokens)
        }
        for (const endpoint of endpoints.values()) await saveEndpoint(on, endpoint)
        return [...endpoints.values()]
      }),
  }
}

const selectOne =
  'SELECT * FROM webhooks_endpoints WHERE id = ? AND tenant_id = ? AND deleted_at IS NULL'

/** An event that is being inserted has a later one, or is older than the endpoint: both are right. */
async function newestPosition(on: Executor): Promise<number> {
  const [newest] = await read<{ position: number | null }>(
    on,
    'SELECT MAX(position) AS position FROM webhooks_events',
  )
  return newest?.position ?? 0
}

async function saveEndpoint(on: Executor, endpoint: EndpointRecord): Promise<void> {
  const row = table.toRow(endpoint)
  await on.query('UPDATE webhooks_endpoints SET ? WHERE id = ?', [row, endpoint.id])
}

/** @param leaseTokens - Ends only a probe under one of them. */
async function endProbe(on: Executor, id: string, leaseTokens?: string[]): Promise<void> {
  if (leaseTokens?.length === 0) return
  await on.query(
    `UPDATE webhooks_endpoints SET probe_token = NULL, probe_until = 0
      WHERE id = ? ${leaseTokens === undefined ? '' : 'AND probe_token IN (?)'}`,
    [id, ...(leaseTokens === undefined ? [] : [leaseTokens])],
  )
}

function applyHealth(endpoint: EndpointRecord, change: HealthChange): void {
  if (change.succeeded) Object.assign(endpoint, { failedAttempts: 0, failingSince: null })
  endpoint.failedAttempts += change.failedAttempts
  endpoint.failingSince ??= change.failedAt
  const { pausedUntil } = change
  if (pausedUntil !== null && pausedUntil > (endpoint.pausedUntil ?? new Date(0))) {
    endpoint.pausedUntil = pausedUntil
  }
}
