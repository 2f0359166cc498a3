import { type Executor, read, readIn } from './database.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Place } from './turns.ts'

/** What waits for one endpoint. */
export interface Lane extends Place {
  bucket: TokenBucket | null
  /** Failed attempts in a row, while it is there and active. */
  failedAttempts: number
  /** From when on a claim finds something here: due, not paused or probed, and a token at hand. */
  readyAt: number
}

interface LaneRow extends EndpointRow {
  tenant_id: string
  due_at: number
  paused_until: number | null
}

interface EndpointRow {
  id: string
  rate_limit: string | null
  tokens_spent: number
  tokens_as_of: number
  failed_attempts: number
  probe_until: number
}

/** What a claim must know for certain of an endpoint. */
const columns = `id, rate_limit, tokens_spent, tokens_as_of, probe_until,
  IF(active AND deleted_at IS NULL, failed_attempts, 0) AS failed_attempts`

/**
 * Reads all lanes: one entry of the index for each endpoint, however many deliveries wait.
 * (`MIN(due_at)` with `GROUP BY` says the same, and reads them all.)
 */
export async function readLanes(on: Executor): Promise<Lane[]> {
  const rows = await read<LaneRow>(
    on,
    `SELECT ${columns}, tenant_id, paused_until,
        (SELECT d.due_at FROM webhooks_deliveries d
          WHERE d.status = 'pending' AND d.tenant_id = e.tenant_id AND d.endpoint_id = e.id
          ORDER BY d.due_at LIMIT 1) AS due_at
      FROM webhooks_endpoints e HAVING due_at IS NOT NULL`,
  )
  return rows.map((row) => {
    const bucket = toBucket(row)
    const { id, tenant_id: tenantId, failed_attempts: failedAttempts } = row
    const heldUntil = Math.max(row.paused_until ?? 0, row.probe_until, bucket?.nextTokenAt() ?? 0)
    return { id, tenantId, bucket, failedAttempts, readyAt: Math.max(row.due_at, heldUntil) }
  })
}

/** What holds an endpoint back, as it is now. */
export interface Hold {
  bucket: TokenBucket | null
  failedAttempts: number
  probeUntil: number
}

/** What holds these endpoints back, locked until the transaction ends. */
export async function lockHolds(on: Executor, endpointIds: string[]): Promise<Map<string, Hold>> {
  const rows = await readIn<EndpointRow>(
    on,
    `SELECT ${columns} FROM webhooks_endpoints WHERE id IN (?) ORDER BY id FOR UPDATE`,
    endpointIds,
  )
  return new Map(
    rows.map((row) => [
      row.id,
      {
        bucket: toBucket(row),
        failedAttempts: row.failed_attempts,
        probeUntil: row.probe_until,
      },
    ]),
  )
}

export async function saveProbe(
  on: Executor,
  id: string,
  { leaseToken, leaseUntil }: { leaseToken: string; leaseUntil: Date },
): Promise<void> {
  await on.query('UPDATE webhooks_endpoints SET probe_token = ?, probe_until = ? WHERE id = ?', [
    leaseToken,
    leaseUntil.getTime(),
    id,
  ])
}

export async function saveBucket(on: Executor, id: string, bucket: TokenBucket): Promise<void> {
  await on.query('UPDATE webhooks_endpoints SET tokens_spent = ?, tokens_as_of = ? WHERE id = ?', [
    bucket.spent,
    bucket.asOf,
    id,
  ])
}

function toBucket(row: EndpointRow): TokenBucket | null {
  if (row.rate_limit === null) return null
  const state = { spent: row.tokens_spent, asOf: row.tokens_as_of }
  return new TokenBucket(JSON.parse(row.rate_limit), state)
}
