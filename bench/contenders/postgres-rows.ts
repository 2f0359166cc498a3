/**
 * The floor, and the rows that a delivery leaves in our tables: its event before the request, the
 * delivery and the attempt after it. Each row is written once, in its last state and in large
 * batches; nothing waits, is claimed or is leased in the database, and a process that dies loses
 * what it held. What the record alone costs, and so the most that can be had with it.
 */
import pg from 'pg'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { batchSize, type OpenContender, poolSize } from './contender.ts'
import { loop } from './loop.ts'
import { ids, type Job, newJob, poolPoster, signed } from './signed-post.ts'

export const open: OpenContender = async ({ receiverUrl, databaseUrl, namespace }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize })
  pool.on('error', () => {})
  const tables = postgresStorage({ pool, schema: namespace, listen: false })
  await tables.open()
  await tables.close()

  const { post, close } = poolPoster(receiverUrl)
  const log = logIn(pool, namespace, receiverUrl)
  return loop({
    async store(jobs) {
      await pool.query({
        name: 'events',
        text: `INSERT INTO ${namespace}.events
            (created_at, fan_out, unowed, event_id, tenant_id, type, channels, body)
          SELECT $3, true, false, id, '', 'bench.event', '[]', body
            FROM unnest($1::text[], $2::text[]) AS given (id, body)`,
        values: [
          jobs.map(({ id }) => id),
          jobs.map(({ payload }) => JSON.stringify(payload)),
          Date.now(),
        ],
      })
    },
    async post(job) {
      await post(job)
      log.add(job)
    },
    async end() {
      await log.idle()
      await close()
      await pool.end()
    },
  })
}

/** Writes what was sent, in batches: while one is being written, the next one gathers. */
function logIn(pool: pg.Pool, namespace: string, url: string) {
  const headers = JSON.stringify(signed(newJob()).headers)
  let waiting: Job[] = []
  let writing: Promise<void> | null = null

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSize)
      waiting = waiting.slice(batchSize)
      await pool.query({
        name: 'deliveries and attempts',
        text: `WITH delivery AS (
            INSERT INTO ${namespace}.deliveries (created_at, completed_at, attempts, response_status,
                status, delivery_id, tenant_id, event_id, endpoint_id, event_type)
              SELECT $3, $3, 1, 200, 'succeeded', id, '', event_id, 'ep_1', 'bench.event'
                FROM unnest($1::text[], $2::text[]) AS given (id, event_id)
              RETURNING delivery_id, event_id
          )
          INSERT INTO ${namespace}.attempts (started_at, duration_ms, number, response_status,
              succeeded, body_truncated, attempt_id, delivery_id, tenant_id, event_id, endpoint_id,
              url, request_headers, response_headers, response_body)
            SELECT $3, 1, 1, 200, true, false, delivery_id, delivery_id, '', event_id, 'ep_1', $4,
                $5, '{"content-length":"0"}', ''
              FROM delivery`,
        values: [batch.map(() => ids('dlv')), batch.map(({ id }) => id), Date.now(), url, headers],
      })
    }
    writing = null
  }

  return {
    add(job: Job): void {
      waiting.push(job)
      writing ??= writeAll()
    },
    async idle(): Promise<void> {
      await writing
    },
  }
}
