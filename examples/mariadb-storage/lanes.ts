import { type Executor, read, readIn } from './database.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Place } from './turns.ts'

/** What waits for one endpoint. */
export interface Lane extends Place {
  bucket: TokenBucket | null
  /** From when on a claim finds something here: due, not paused, and a token at hand. */
  readyAt: number
}

interface LaneRow extends BucketRow {
  tenant_id: string
  due_at: number
  paused_until: number | null
}

interface BucketRow {
  id: string
  rate_limit: string | null
  tokens_spent: number
  tokens_as_of: number
}

/**
 * Reads all lanes: one entry of the index for each endpoint, however many deliveries wait.
 * (`MIN(due_at)` with `GROUP BY` says the same, and reads them all.)
 */
export async function readLanes(on: Executor): Promise<Lane[]> {
  const rows = await read<LaneRow>(
    on,
    `SELECT id, tenant_id, paused_until, rate_limit, tokens_spent, tokens_as_of,
        (SELECT d.due_at FROM webhooks_deliveries d
          WHERE d.status = 'pending' AND d.tenant_id = e.tenant_id AND d.endpoint_id = e.id
          ORDER BY d.due_at LIMIT 1) AS due_at
      FROM webhooks_endpoints e HAVING due_at IS NOT NULL`,
  )
  return rows.map((row) => {
    const bucket = toBucket(row)
    const readyAt = Math.max(row.due_at, row.paused_until ?? 0, bucket?.nextTokenAt() ?? 0)
    return { id: row.id, tenantId: row.tenant_id, bucket, readyAt }
  })
}

/** The buckets of these endpoints as they are now, locked until the transaction ends. */
export async function lockBuckets(
  on: Executor,
  endpointIds: string[],
): Promise<Map<string, TokenBucket>> {
  const rows = await readIn<BucketRow>(
    on,
    `SELECT id, rate_limit, tokens_spent, tokens_as_of FROM webhooks_endpoints
      WHERE id IN (?) ORDER BY id FOR UPDATE`,
    endpointIds,
  )
  const buckets = new Map<string, TokenBucket>()
  for (const row of rows) {
    const bucket = toBucket(row)
    if (bucket !== null) buckets.set(row.id, bucket)
  }
  return buckets
}

export async function saveBucket(on: Executor, id: string, bucket: TokenBucket): Promise<void> {
  await on.query('UPDATE webhooks_endpoints SET tokens_spent = ?, tokens_as_of = ? WHERE id = ?', [
    bucket.spent,
    bucket.asOf,
    id,
  ])
}

function toBucket(row: BucketRow): TokenBucket | null {
  if (row.rate_limit === null) return null
  const state = { spent: row.tokens_spent, asOf: row.tokens_as_of }
  return new TokenBucket(JSON.parse(row.rate_limit), state)
}
