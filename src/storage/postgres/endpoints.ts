import type {
  EndpointRecord,
  EndpointSettings,
  HealthChange,
  ListResult,
  NewEndpoint,
  Storage,
} from '../storage.ts'
import type { Database, Param } from './database.ts'
import { Conditions, readList } from './lists.ts'
import { formatSecrets, toEndpointRecord } from './rows.ts'
import { encodeText, jsonOrNull, textArray } from './values.ts'

interface EndpointRow {
  endpoint: string
}

const asJson = 'row_to_json(endpoint) AS endpoint'

/** Where each setting stands, and how it is written. */
const settings: {
  [Key in keyof EndpointSettings]: {
    column: string
    write(value: EndpointSettings[Key]): Param
  }
} = {
  url: { column: 'url', write: (url) => url },
  description: { column: 'description', write: (text) => text },
  events: { column: 'events', write: (patterns) => JSON.stringify(patterns) },
  channels: { column: 'channels', write: (channels) => JSON.stringify(channels) },
  filter: { column: 'filter', write: jsonOrNull },
  headers: { column: 'headers', write: (headers) => JSON.stringify(headers) },
  secrets: { column: 'secrets', write: formatSecrets },
  rateLimit: { column: 'rate_limit', write: jsonOrNull },
  retry: { column: 'retry', write: jsonOrNull },
  metadata: { column: 'metadata', write: (metadata) => JSON.stringify(metadata) },
  active: { column: 'active', write: (active) => active },
  disabledAt: { column: 'disabled_at', write: (instant) => instant },
  disabledReason: { column: 'disabled_reason', write: (reason) => reason },
}

function columnsOf(changes: Partial<EndpointSettings>): { column: string; value: Param }[] {
  const columns = []
  for (const [key, { column, write }] of Object.entries(settings)) {
    const value = changes[key as keyof EndpointSettings]
    if (value !== undefined) columns.push({ column, value: write(value as never) })
  }
  return columns
}

/**
 * Position of the newest event, whether or not the transaction that took it has ended. An event
 * with that position or one before was emitted already, and the endpoint is newer. An event emitted
 * after the endpoint was committed draws a later position, however late it commits itself.
 */
function newestPosition(schema: string): string {
  return `(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ${schema}.positions)`
}

export async function insertEndpoint(
  database: Database,
  endpoint: NewEndpoint,
): Promise<EndpointRecord> {
  const { schema } = database
  const { id, tenantId, createdAt } = endpoint
  const given = columnsOf(endpoint)
  const params: Param[] = [id, tenantId, createdAt, ...given.map(({ value }) => value)]
  const names = given.map(({ column }) => `, ${column}`).join('')
  const places = given.map((_, index) => `, $${index + 4}`).join('')
  await database.query(
    `INSERT INTO ${schema}.endpoints
        (endpoint_id, tenant_id, created_at, updated_at, active_position${names})
      SELECT $1, $2, $3::bigint, $3::bigint, ${newestPosition(schema)}${places}
      ON CONFLICT (endpoint_id) DO NOTHING`,
    params,
  )
  const [row] = await database.query<EndpointRow>(
    `SELECT ${asJson} FROM ${schema}.endpoints AS endpoint WHERE endpoint_id = $1`,
    [id],
  )
  return toEndpointRecord(row?.endpoint ?? '')
}

export async function updateEndpoint(
  database: Database,
  { tenantId, id, changes, now, ifVersion }: Parameters<Storage['updateEndpoint']>[0],
): Promise<EndpointRecord | 'version_mismatch' | null> {
  const { schema } = database
  const given = columnsOf(changes)
  const params: Param[] = [
    id,
    tenantId,
    now,
    ifVersion ?? null,
    changes.active === true,
    changes.rateLimit !== undefined,
    ...given.map(({ value }) => value),
  ]
  const assignments = given.map(({ column }, index) => `, ${column} = $${index + 7}`).join('')
  const whenSwitchedOn = (column: string, value: string) =>
    `, ${column} = CASE WHEN $5 AND NOT before.was_active THEN ${value} ELSE ${column} END`
  const [row] = await database.query<EndpointRow>(
    `WITH before AS MATERIALIZED (
      SELECT endpoint_id, active AS was_active FROM ${schema}.endpoints
        WHERE endpoint_id = $1 AND tenant_id = $2 AND deleted_at IS NULL
          AND version = coalesce($4, version) FOR UPDATE
    ), changed AS (
      UPDATE ${schema}.endpoints AS endpoint SET version = version + 1, updated_at = $3
          ${whenSwitchedOn('active_position', newestPosition(schema))}
          ${whenSwitchedOn('paused_until', 'NULL')}
          ${whenSwitchedOn('failing_since', 'NULL')}
          ${whenSwitchedOn('failed_attempts', '0')}${assignments}
        FROM before WHERE endpoint.endpoint_id = before.endpoint_id
        RETURNING endpoint.*
    ), reconsidered AS (
      -- The next claim looks at what holds the endpoint back, and at its rate limit afresh.
      UPDATE ${schema}.lanes AS lane SET held_until = 0,
          probe_until = CASE WHEN $5 AND NOT before.was_active THEN 0 ELSE probe_until END,
          tokens_owed = CASE WHEN $6 THEN 0 ELSE tokens_owed END
        FROM before WHERE lane.endpoint_id = before.endpoint_id AND ($5 OR $6)
    )
    SELECT row_to_json(changed) AS endpoint FROM changed`,
    params,
  )
  if (row !== undefined) return toEndpointRecord(row.endpoint)
  const isThere = ifVersion !== undefined && (await getEndpoint(database, { tenantId, id }))
  return isThere ? 'version_mismatch' : null
}

export async function deleteEndpoint(
  database: Database,
  { tenantId, id, now }: { tenantId: string; id: string; now: Date },
): Promise<boolean> {
  const deleted = await database.query(
    `UPDATE ${database.schema}.endpoints SET deleted_at = $3, secrets = '[]', headers = '{}'
      WHERE endpoint_id = $1 AND tenant_id = $2 AND deleted_at IS NULL RETURNING 1`,
    [id, tenantId, now],
  )
  return deleted.length > 0
}

export async function getEndpoint(
  database: Database,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<EndpointRecord | null> {
  const [row] = await database.query<EndpointRow>(
    `SELECT ${asJson} FROM ${database.schema}.endpoints AS endpoint
      WHERE endpoint_id = $1 AND tenant_id = $2 AND deleted_at IS NULL`,
    [id, tenantId],
  )
  return row === undefined ? null : toEndpointRecord(row.endpoint)
}

export async function listEndpoints(
  database: Database,
  { tenantId, active, ...page }: Parameters<Storage['listEndpoints']>[0],
): Promise<ListResult<EndpointRecord>> {
  const conditions = new Conditions()
    .and('deleted_at IS NULL AND tenant_id', '=', tenantId)
    .and('active', '=', active)
  const list = await readList<EndpointRow>(database, page, {
    table: 'endpoints',
    alias: 'endpoint',
    id: 'endpoint_id',
    stretches: [conditions],
    columns: asJson,
  })
  return { ...list, items: list.items.map(({ endpoint }) => toEndpointRecord(endpoint)) }
}

export async function listAllEndpoints(
  database: Database,
  { after, limit }: { after: string | null; limit: number },
): Promise<EndpointRecord[]> {
  const rows = await database.query<EndpointRow>(
    `SELECT ${asJson} FROM ${database.schema}.endpoints AS endpoint
      WHERE endpoint_id > $1 AND deleted_at IS NULL ORDER BY endpoint_id LIMIT $2`,
    [after ?? '', limit],
  )
  return rows.map(({ endpoint }) => toEndpointRecord(endpoint))
}

/**
 * A probe that ends lets the next claim look at its lane. Lanes are locked in the order of their
 * ids, as everywhere.
 */
export async function recordHealth(
  database: Database,
  changes: HealthChange[],
): Promise<EndpointRecord[]> {
  const rows = await database.query<EndpointRow>(
    `WITH given AS MATERIALIZED (
      SELECT change.* FROM json_to_recordset($1) AS change (
          "endpointId" text, succeeded boolean, "failedAttempts" bigint, "failedAt" bigint,
          "pausedUntil" bigint, "leaseTokens" text)
        JOIN ${database.schema}.endpoints AS known ON known.endpoint_id = change."endpointId"
        ORDER BY known.endpoint_id FOR UPDATE OF known
    ), probes AS MATERIALIZED (
      SELECT lane.endpoint_id, given."pausedUntil" FROM given
        JOIN ${database.schema}.lanes AS lane ON lane.endpoint_id = given."endpointId"
        WHERE lane.probe_until > 0
          AND (given.succeeded OR lane.probe_token = ANY (given."leaseTokens"::text[]))
        ORDER BY lane.endpoint_id FOR UPDATE OF lane
    ), ended AS (
      UPDATE ${database.schema}.lanes AS lane
        SET probe_until = 0, held_until = coalesce(probes."pausedUntil", 0)
        FROM probes WHERE lane.endpoint_id = probes.endpoint_id
    )
    UPDATE ${database.schema}.endpoints AS endpoint SET
        failed_attempts = given."failedAttempts"
          + CASE WHEN given.succeeded THEN 0 ELSE endpoint.failed_attempts END,
        failing_since = CASE WHEN given.succeeded THEN given."failedAt"
          ELSE coalesce(endpoint.failing_since, given."failedAt") END,
        paused_until = greatest(endpoint.paused_until, given."pausedUntil")
      FROM given WHERE endpoint.endpoint_id = given."endpointId" AND endpoint.deleted_at IS NULL
      RETURNING ${asJson}`,
    [
      JSON.stringify(
        mergeByEndpoint(changes).map((change) => ({
          ...change,
          failedAt: change.failedAt?.getTime() ?? null,
          pausedUntil: change.pausedUntil?.getTime() ?? null,
          leaseTokens: textArray(change.leaseTokens.map(encodeText)),
        })),
      ),
    ],
  )
  return rows.map(({ endpoint }) => toEndpointRecord(endpoint))
}

/** Several changes of one endpoint, taken in their order, as one. */
function mergeByEndpoint(changes: HealthChange[]): HealthChange[] {
  const merged = new Map<string, HealthChange>()
  for (const change of changes) {
    const before = merged.get(change.endpointId)
    if (before === undefined) merged.set(change.endpointId, change)
    else {
      const leaseTokens = [...before.leaseTokens, ...change.leaseTokens]
      const both = { ...addTo(before, change), ...laterPause(before, change), leaseTokens }
      merged.set(change.endpointId, both)
    }
  }
  return [...merged.values()]
}

function addTo(before: HealthChange, change: HealthChange): HealthChange {
  if (change.succeeded) return change
  return {
    ...before,
    failedAttempts: before.failedAttempts + change.failedAttempts,
    failedAt: before.failedAt ?? change.failedAt,
  }
}

function laterPause(a: HealthChange, b: HealthChange): Pick<HealthChange, 'pausedUntil'> {
  if (a.pausedUntil === null || b.pausedUntil === null) {
    return { pausedUntil: a.pausedUntil ?? b.pausedUntil }
  }
  return { pausedUntil: a.pausedUntil > b.pausedUntil ? a.pausedUntil : b.pausedUntil }
}
