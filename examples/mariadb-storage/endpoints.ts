import type { EndpointRecord, HealthChange, Storage } from '@ainexlayer/webhooks'
import type { Pool } from 'mysql2/promise'
import { type Executor, insertRows, read, readIn, transact } from './database.ts'
import { readList } from './lists.ts'
import { type EndpointRow, toEndpoint, toMs, toSettingsRow } from './rows.ts'

type EndpointMethods = Pick<
  Storage,
  | 'insertEndpoint'
  | 'updateEndpoint'
  | 'deleteEndpoint'
  | 'getEndpoint'
  | 'listEndpoints'
  | 'recordHealth'
>

export function endpointMethods(pool: Pool): EndpointMethods {
  return {
    insertEndpoint: ({ endpoint }) =>
      transact(pool, async (on) => {
        const { id, tenantId } = endpoint
        const createdAt = endpoint.createdAt.getTime()
        const row = {
          ...toSettingsRow(endpoint),
          id,
          tenant_id: tenantId,
          active_position: await newestPosition(on),
          created_at: createdAt,
          updated_at: createdAt,
        }
        await insertRows(on, 'webhooks_endpoints', [row], 'ON DUPLICATE KEY UPDATE id = id')
        const [stored] = await read<EndpointRow>(
          on,
          'SELECT * FROM webhooks_endpoints WHERE id = ?',
          [id],
        )
        if (stored === undefined) throw new Error(`The endpoint ${id} vanished while it was added`)
        return toEndpoint(stored)
      }),

    updateEndpoint: ({ tenantId, id, changes, now, ifVersion }) =>
      transact(pool, async (on) => {
        const [row] = await read<EndpointRow>(on, `${selectOne} FOR UPDATE`, [id, tenantId])
        if (row === undefined) return null
        const before = toEndpoint(row)
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
        const [row] = await read<EndpointRow>(on, `${selectOne} FOR UPDATE`, [id, tenantId])
        if (row === undefined) return false
        await on.query(
          "UPDATE webhooks_endpoints SET deleted_at = ?, settings = '{}' WHERE id = ?",
          [now.getTime(), id],
        )
        return true
      }),

    async getEndpoint({ tenantId, id }) {
      const [row] = await read<EndpointRow>(pool, selectOne, [id, tenantId])
      return row === undefined ? null : toEndpoint(row)
    },

    listEndpoints: ({ tenantId, active, ...page }) =>
      readList<EndpointRow, EndpointRecord>(
        pool,
        'webhooks_endpoints',
        { 'deleted_at IS NULL AND tenant_id = ?': tenantId, 'active = ?': active },
        page,
        toEndpoint,
      ),

    recordHealth: ({ changes }) =>
      transact(pool, async (on) => {
        const rows = await readIn<EndpointRow>(
          on,
          'SELECT * FROM webhooks_endpoints WHERE id IN (?) AND deleted_at IS NULL FOR UPDATE',
          changes.map(({ endpointId }) => endpointId),
        )
        const endpoints = new Map(rows.map((row) => [row.id, toEndpoint(row)]))
        for (const change of changes) {
          const endpoint = endpoints.get(change.endpointId)
          if (endpoint !== undefined) applyHealth(endpoint, change)
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
  const row = {
    ...toSettingsRow(endpoint),
    paused_until: toMs(endpoint.pausedUntil),
    failing_since: toMs(endpoint.failingSince),
    failed_attempts: endpoint.failedAttempts,
    active_position: endpoint.activePosition,
    version: endpoint.version,
    updated_at: endpoint.updatedAt.getTime(),
  }
  const columns = Object.keys(row).map((column) => `${column} = ?`)
  const sql = `UPDATE webhooks_endpoints SET ${columns.join(', ')} WHERE id = ?`
  await on.query(sql, [...Object.values(row), endpoint.id])
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
