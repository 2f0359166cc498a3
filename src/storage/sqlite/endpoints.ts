import type {
  EndpointListParams,
  EndpointRecord,
  EndpointSettings,
  HealthChange,
  ListResult,
  NewEndpoint,
  Storage,
} from '../storage.ts'
import type { Statements, Value } from './database.ts'
import { reconsiderLane } from './lanes.ts'
import { readList } from './list.ts'
import { type EndpointRow, formatOrNull, formatSecrets, toEndpointRecord, toMs } from './rows.ts'
import { readText, type StoredText, storeText } from './text.ts'

export function insertEndpoint(
  statements: Statements,
  { endpoint }: { endpoint: NewEndpoint },
): EndpointRecord {
  const values: Record<string, Value> = {
    endpoint_id: endpoint.id,
    tenant_id: storeText(endpoint.tenantId),
    ...settingsColumns(endpoint),
    active_position: newestPosition(statements),
    created_at: endpoint.createdAt.getTime(),
    updated_at: endpoint.createdAt.getTime(),
  }
  const columns = Object.keys(values)
  statements.run(
    `INSERT INTO webhooks_endpoints (${columns.join(', ')})
      VALUES (${columns.map((column) => `:${column}`).join(', ')}) ON CONFLICT DO NOTHING`,
    values,
  )
  const sql = 'SELECT * FROM webhooks_endpoints WHERE endpoint_id = ?'
  return toEndpointRecord(statements.get<EndpointRow>(sql, endpoint.id) as EndpointRow)
}

/** The last position given out, also if that event was pruned since. */
function newestPosition(statements: Statements): number {
  const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'webhooks_events'"
  return statements.get<{ seq: number }>(sql)?.seq ?? 0
}

function settingsColumns(settings: EndpointSettings): Record<string, Value> {
  return {
    url: storeText(settings.url),
    description: storeText(settings.description),
    events: JSON.stringify(settings.events),
    channels: JSON.stringify(settings.channels),
    filter: formatOrNull(settings.filter),
    headers: JSON.stringify(settings.headers),
    secrets: formatSecrets(settings.secrets),
    rate_limit: formatOrNull(settings.rateLimit),
    retry: formatOrNull(settings.retry),
    metadata: JSON.stringify(settings.metadata),
    active: Number(settings.active),
    disabled_at: toMs(settings.disabledAt),
    disabled_reason: settings.disabledReason,
  }
}

export function updateEndpoint(
  statements: Statements,
  params: Parameters<Storage['updateEndpoint']>[0],
): EndpointRecord | 'version_mismatch' | null {
  const { tenantId, id, changes, now, ifVersion } = params
  const before = getEndpoint(statements, { tenantId, id })
  if (before === null) return null
  if (ifVersion !== undefined && ifVersion !== before.version) return 'version_mismatch'
  const settings = settingsColumns({ ...before, ...given(changes) })
  const columns = Object.keys(settings).map((column) => `${column} = :${column}`)
  const isRevived = !before.active && changes.active === true
  const afresh = isRevived
    ? `, paused_until = NULL, failing_since = NULL, failed_attempts = 0,
        active_position = :position`
    : ''
  const values: Record<string, Value> = { ...settings, id, now: now.getTime() }
  if (isRevived) values.position = newestPosition(statements)
  const row = statements.get<EndpointRow>(
    `UPDATE webhooks_endpoints SET ${columns.join(', ')}, version = version + 1,
        updated_at = :now ${afresh}
      WHERE endpoint_id = :id RETURNING *`,
    values,
  ) as EndpointRow
  const hasNewRate = row.rate_limit !== formatOrNull(before.rateLimit)
  if (hasNewRate) fillBucket(statements, id)
  if (isRevived) clearProbe(statements, id)
  if (hasNewRate || isRevived) reconsiderLane(statements, id, tenantId)
  return toEndpointRecord(row)
}

function given(changes: Partial<EndpointSettings>): Partial<EndpointSettings> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

/** What was taken under another rate limit has no meaning under this one. */
function fillBucket(statements: Statements, endpointId: string): void {
  statements.run('UPDATE webhooks_lanes SET tokens_owed = 0 WHERE endpoint_id = ?', endpointId)
}

/** The row stays, without what is confidential, until no delivery refers to it. */
export function deleteEndpoint(
  statements: Statements,
  { tenantId, id, now }: { tenantId: string; id: string; now: Date },
): boolean {
  const changes = statements.run(
    `UPDATE webhooks_endpoints SET deleted_at = ?, secrets = '[]', headers = '{}'
      WHERE endpoint_id = ? AND tenant_id = ? AND deleted_at IS NULL`,
    now.getTime(),
    id,
    storeText(tenantId),
  )
  return changes > 0
}

export function getEndpoint(
  statements: Statements,
  { tenantId, id }: { tenantId: string; id: string },
): EndpointRecord | null {
  const row = statements.get<EndpointRow>(
    `SELECT * FROM webhooks_endpoints
      WHERE endpoint_id = ? AND tenant_id = ? AND deleted_at IS NULL`,
    id,
    storeText(tenantId),
  )
  return row === undefined ? null : toEndpointRecord(row)
}

export function listEndpoints(
  statements: Statements,
  params: EndpointListParams,
): ListResult<EndpointRecord> {
  const { tenantId, active } = params
  const { ids, total } = readList(statements, params, {
    from: 'webhooks_endpoints INDEXED BY webhooks_endpoints_by_id',
    id: 'endpoint_id',
    stretches: ['tenant_id = :tenant AND deleted_at IS NULL'],
    filters: [
      {
        sql: 'active = :active',
        name: 'active',
        value: active === undefined ? undefined : Number(active),
      },
    ],
    values: { tenant: storeText(tenantId) },
  })
  const sql = 'SELECT * FROM webhooks_endpoints WHERE endpoint_id = ?'
  const rows = ids.flatMap((id) => statements.get<EndpointRow>(sql, id) ?? [])
  return { items: rows.map(toEndpointRecord), total }
}

export function listAllEndpoints(
  statements: Statements,
  { after, limit }: { after: string | null; limit: number },
): EndpointRecord[] {
  const rows = statements.all<EndpointRow>(
    `SELECT * FROM webhooks_endpoints WHERE endpoint_id > ? AND deleted_at IS NULL
      ORDER BY endpoint_id LIMIT +?`,
    after ?? '',
    limit,
  )
  return rows.map(toEndpointRecord)
}

/** A pause needs no write to the lanes: the next claim that visits the endpoint finds it. */
export function recordHealth(
  statements: Statements,
  { changes }: { changes: HealthChange[] },
): EndpointRecord[] {
  const changed = new Map<string, EndpointRecord>()
  for (const change of changes) {
    const row = statements.get<EndpointRow>(
      `UPDATE webhooks_endpoints SET
          failing_since = iif(:succeeded, :failed_at, coalesce(failing_since, :failed_at)),
          failed_attempts = iif(:succeeded, 0, failed_attempts) + :failed_attempts,
          paused_until = nullif(max(coalesce(paused_until, 0), coalesce(:paused_until, 0)), 0)
        WHERE endpoint_id = :id AND deleted_at IS NULL RETURNING *`,
      {
        id: change.endpointId,
        succeeded: Number(change.succeeded),
        failed_at: toMs(change.failedAt),
        failed_attempts: change.failedAttempts,
        paused_until: toMs(change.pausedUntil),
      },
    )
    if (row === undefined) continue
    endProbe(statements, change)
    changed.set(row.endpoint_id, toEndpointRecord(row))
  }
  return [...changed.values()]
}

/** A success ends any probe, all else the one that it tells of. */
function endProbe(
  statements: Statements,
  { endpointId, succeeded, leaseTokens }: HealthChange,
): void {
  const lane = statements.get<{ tenant_id: StoredText; probe_token: StoredText }>(
    `SELECT tenant_id, probe_token FROM webhooks_lanes
      WHERE endpoint_id = ? AND probe_token IS NOT NULL`,
    endpointId,
  )
  if (lane === undefined) return
  if (succeeded || leaseTokens.includes(readText(lane.probe_token))) {
    clearProbe(statements, endpointId)
    reconsiderLane(statements, endpointId, readText(lane.tenant_id))
  }
}

function clearProbe(statements: Statements, endpointId: string): void {
  statements.run(
    'UPDATE webhooks_lanes SET probe_token = NULL, probe_until = 0 WHERE endpoint_id = ?',
    endpointId,
  )
}
