/** The schema, and how it comes up to date while several processes start. */
import type { Pool } from 'mysql2/promise'
import { read } from './database.ts'

/**
 * One statement per version, because DDL commits by itself: a process that dies between two leaves
 * a schema that the next one goes on from. One that has shipped is never edited.
 *
 * Text is compared byte by byte and with its trailing spaces: `k`, `K` and `k ` are three keys. (On
 * MySQL 8 the collation is `utf8mb4_0900_bin`.) Instants are epoch milliseconds.
 */
const migrations = [
  `CREATE TABLE IF NOT EXISTS webhooks_events (
    position         BIGINT AUTO_INCREMENT PRIMARY KEY,
    id               VARCHAR(64) NOT NULL UNIQUE,
    tenant_id        VARCHAR(256) NOT NULL,
    type             VARCHAR(256) NOT NULL,
    body             LONGTEXT NOT NULL,
    channels         LONGTEXT NOT NULL,
    idempotency_key  LONGTEXT,
    -- Stands for tenant and key together.
    idempotency_hash CHAR(64) UNIQUE,
    traceparent      VARCHAR(64),
    created_at       BIGINT NOT NULL,
    fan_out          ENUM('waits', 'done', 'never') NOT NULL,
    due_at           BIGINT NOT NULL DEFAULT 0,
    lease_token      VARCHAR(256),
    KEY webhooks_events_waiting (fan_out, tenant_id, position),
    KEY webhooks_events_due (fan_out, due_at),
    KEY webhooks_events_listed (tenant_id, id),
    KEY webhooks_events_created (created_at)
  ) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin`,

  `CREATE TABLE IF NOT EXISTS webhooks_endpoints (
    id              VARCHAR(64) PRIMARY KEY,
    tenant_id       VARCHAR(256) NOT NULL,
    url             LONGTEXT NOT NULL,
    description     LONGTEXT NOT NULL,
    events          LONGTEXT NOT NULL,
    channels        LONGTEXT NOT NULL,
    filter          LONGTEXT,
    headers         LONGTEXT NOT NULL,
    secrets         LONGTEXT NOT NULL,
    rate_limit      LONGTEXT,
    retry           LONGTEXT,
    metadata        LONGTEXT NOT NULL,
    active          BOOLEAN NOT NULL,
    disabled_at     BIGINT,
    disabled_reason VARCHAR(32),
    paused_until    BIGINT,
    failing_since   BIGINT,
    failed_attempts INT NOT NULL DEFAULT 0,
    active_position BIGINT NOT NULL,
    version         INT NOT NULL DEFAULT 1,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT,
    -- The rate limit's bucket: how much was taken from it and has not come back.
    tokens_spent    DOUBLE NOT NULL DEFAULT 0,
    tokens_as_of    BIGINT NOT NULL DEFAULT 0,
    -- The one delivery that a failing endpoint was given, and until when none follows it.
    probe_token     VARCHAR(256),
    probe_until     BIGINT NOT NULL DEFAULT 0,
    KEY webhooks_endpoints_listed (tenant_id, id),
    KEY webhooks_endpoints_deleted (deleted_at)
  ) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin`,

  `CREATE TABLE IF NOT EXISTS webhooks_deliveries (
    id              VARCHAR(64) PRIMARY KEY,
    tenant_id       VARCHAR(256) NOT NULL,
    event_id        VARCHAR(64) NOT NULL,
    endpoint_id     VARCHAR(64) NOT NULL,
    event_type      VARCHAR(256) NOT NULL,
    status          ENUM('pending', 'succeeded', 'failed', 'cancelled') NOT NULL,
    due_at          BIGINT,
    lease_token     VARCHAR(256),
    attempts        INT NOT NULL,
    step            INT NOT NULL,
    faults          INT NOT NULL,
    response_status INT,
    last_error      LONGTEXT,
    cancel_reason   VARCHAR(32),
    created_at      BIGINT NOT NULL,
    completed_at    BIGINT,
    UNIQUE KEY webhooks_deliveries_once (event_id, endpoint_id),
    KEY webhooks_deliveries_due (status, tenant_id, endpoint_id, due_at),
    KEY webhooks_deliveries_listed (tenant_id, id),
    KEY webhooks_deliveries_of_endpoint (endpoint_id, id),
    KEY webhooks_deliveries_created (tenant_id, created_at),
    KEY webhooks_deliveries_completed (completed_at)
  ) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin`,

  `CREATE TABLE IF NOT EXISTS webhooks_attempts (
    id              VARCHAR(64) NOT NULL,
    tenant_id       VARCHAR(256) NOT NULL,
    delivery_id     VARCHAR(64) NOT NULL,
    event_id        VARCHAR(64) NOT NULL,
    endpoint_id     VARCHAR(64) NOT NULL,
    number          INT NOT NULL,
    started_at      BIGINT NOT NULL,
    duration_ms     DOUBLE NOT NULL,
    succeeded       BOOLEAN NOT NULL,
    url             LONGTEXT NOT NULL,
    request_headers LONGTEXT NOT NULL,
    response        LONGTEXT,
    error           LONGTEXT,
    PRIMARY KEY (delivery_id, id),
    KEY webhooks_attempts_started (tenant_id, started_at)
  ) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin`,
]

const longestWaitSeconds = 60

/** Brings the schema up to date. Of several processes one works, and the others wait for it. */
export async function migrate(pool: Pool): Promise<void> {
  const on = await pool.getConnection()
  // Lock names are the server's, at most 64 characters: one for each database.
  const lock = "CONCAT('webhooks.', MD5(DATABASE()))"
  try {
    const [answer] = await read<{ locked: number | null }>(
      on,
      `SELECT GET_LOCK(${lock}, ?) AS locked`,
      [longestWaitSeconds],
    )
    if (answer?.locked !== 1) {
      throw new Error(`Another process has been migrating for ${longestWaitSeconds} s: try again`)
    }
    await on.query('CREATE TABLE IF NOT EXISTS webhooks_schema (version INT PRIMARY KEY)')
    const [known] = await read<{ version: number | null }>(
      on,
      'SELECT MAX(version) AS version FROM webhooks_schema',
    )
    const version = known?.version ?? 0
    for (const [index, statement] of migrations.entries()) {
      if (index < version) continue
      await on.query(statement)
      await on.query('INSERT INTO webhooks_schema VALUES (?)', [index + 1])
    }
    await on.query(`DO RELEASE_LOCK(${lock})`)
    on.release()
  } catch (error) {
    // The server frees the locks of a connection that ends.
    on.destroy()
    throw error
  }
}

/** Refuses settings under which text would be stored wrongly without a word. */
export async function checkSession(pool: Pool): Promise<void> {
  const [session] = await read<{ charset: string; mode: string }>(
    pool,
    'SELECT @@character_set_client AS charset, @@sql_mode AS mode',
  )
  if (session?.charset !== 'utf8mb4') {
    throw new Error(`The pool speaks ${session?.charset}: create it with charset 'utf8mb4'`)
  }
  if (!/STRICT_(TRANS|ALL)_TABLES/.test(session.mode)) {
    throw new Error('Without STRICT_TRANS_TABLES in sql_mode, long text is cut off: add it')
  }
  if (session.mode.includes('NO_BACKSLASH_ESCAPES')) {
    throw new Error('mysql2 escapes with backslashes: take NO_BACKSLASH_ESCAPES from sql_mode')
  }
}
