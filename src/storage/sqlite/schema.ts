/**
 * The tables, as a list of migrations: entry `n` brings a file from version `n` to `n + 1`. A
 * migration that has shipped is never edited; a change is a new entry.
 *
 * Every name begins with `webhooks_`, and the version stands in a table of our own rather than in
 * `PRAGMA user_version`, because the file may be the host's own database.
 *
 * Instants are INTEGER epoch milliseconds, JSON values are TEXT. The tables are not STRICT: text
 * that SQLite cannot hold as TEXT is a BLOB in the same column (see text.ts).
 */
export const migrations: readonly string[] = [
  `
  -- The event row is the only row that an emit writes, also inside a caller's transaction.
  CREATE TABLE webhooks_events (
    -- AUTOINCREMENT: a position is never used again, not even when the newest events were pruned.
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT NOT NULL UNIQUE,
    tenant_id       TEXT NOT NULL,
    type            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    -- 'wait': still to come; 'done'; 'none': never. Words of one length, and a flag whose values
    -- take no space, so that SQLite overwrites two bytes in place and not a body of 256 KiB.
    fan_out         TEXT NOT NULL,
    -- Whether it has deliveries; kept up to date once the fan-out is done. An event in
    -- webhooks_kept_events is 'done' and has some: as it will be.
    owed            INTEGER NOT NULL DEFAULT 0,
    channels        TEXT NOT NULL,
    idempotency_key TEXT,
    traceparent     TEXT,
    body            TEXT NOT NULL
  );
  CREATE UNIQUE INDEX webhooks_events_by_key ON webhooks_events (tenant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
  -- Lists; with what they filter by, so that skipping a row costs no look at the table.
  CREATE INDEX webhooks_events_by_id ON webhooks_events (tenant_id, event_id, created_at, type);
  -- Fan-out: per tenant in order of position, which every index holds as its last column.
  CREATE INDEX webhooks_events_waiting ON webhooks_events (tenant_id) WHERE fan_out = 'wait';
  CREATE INDEX webhooks_events_unowed ON webhooks_events (created_at)
    WHERE owed = 0 AND fan_out <> 'wait';

  -- Events in the hands of a worker. Apart from the event, so that a lease rewrites no body.
  CREATE TABLE webhooks_event_leases (
    event_id    TEXT PRIMARY KEY,
    lease_token TEXT NOT NULL,
    due_at      INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- Events that were inserted under a lease (see kept-events.ts): a row for all under one token.
  CREATE TABLE webhooks_kept_events (
    lease_token TEXT PRIMARY KEY,
    due_at      INTEGER NOT NULL,
    -- A JSON array.
    event_ids   TEXT NOT NULL
  );

  CREATE TABLE webhooks_endpoints (
    endpoint_id      TEXT PRIMARY KEY,
    tenant_id        TEXT NOT NULL,
    url              TEXT NOT NULL,
    description      TEXT NOT NULL,
    events           TEXT NOT NULL,
    channels         TEXT NOT NULL,
    filter           TEXT,
    headers          TEXT NOT NULL,
    secrets          TEXT NOT NULL,
    rate_limit       TEXT,
    retry            TEXT,
    metadata         TEXT NOT NULL,
    active           INTEGER NOT NULL,
    disabled_at      INTEGER,
    disabled_reason  TEXT,
    paused_until     INTEGER,
    failing_since    INTEGER,
    failed_attempts  INTEGER NOT NULL DEFAULT 0,
    active_position  INTEGER NOT NULL,
    version          INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    deleted_at       INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX webhooks_endpoints_by_id ON webhooks_endpoints (tenant_id, endpoint_id, active)
    WHERE deleted_at IS NULL;
  CREATE INDEX webhooks_endpoints_deleted ON webhooks_endpoints (deleted_at)
    WHERE deleted_at IS NOT NULL;

  CREATE TABLE webhooks_deliveries (
    delivery_id     TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    endpoint_id     TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    -- 'pending', 'succeeded', 'failed' or 'cancelled'
    status          TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    step            INTEGER NOT NULL DEFAULT 0,
    faults          INTEGER NOT NULL DEFAULT 0,
    -- Set exactly while pending.
    due_at          INTEGER,
    response_status INTEGER,
    last_error      TEXT,
    cancel_reason   TEXT,
    created_at      INTEGER NOT NULL,
    completed_at    INTEGER
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX webhooks_deliveries_by_event ON webhooks_deliveries (event_id, endpoint_id);
  -- What a claim reads.
  CREATE INDEX webhooks_deliveries_pending ON webhooks_deliveries (endpoint_id, due_at)
    WHERE due_at IS NOT NULL;
  -- Lists; one of a tenant without a status merges the four statuses.
  CREATE INDEX webhooks_deliveries_by_status
    ON webhooks_deliveries (tenant_id, status, delivery_id, endpoint_id, created_at, event_type);
  -- Without the status, so that settling writes to no page of it: with many endpoints, each has
  -- pages of its own.
  CREATE INDEX webhooks_deliveries_by_endpoint
    ON webhooks_deliveries (tenant_id, endpoint_id, delivery_id, created_at, event_type);
  -- Statistics.
  CREATE INDEX webhooks_deliveries_created
    ON webhooks_deliveries (tenant_id, created_at, endpoint_id);
  -- Retention.
  CREATE INDEX webhooks_deliveries_completed ON webhooks_deliveries (completed_at)
    WHERE completed_at IS NOT NULL;

  -- Deliveries in the hands of a worker (see leases.ts). Apart from the delivery, so that a claim
  -- writes to a page or two however many endpoints it serves, and rewrites no row.
  CREATE TABLE webhooks_delivery_leases (
    delivery_id TEXT PRIMARY KEY,
    lease_token TEXT NOT NULL,
    -- 0: it has ended, and the delivery's own due_at says since when.
    due_at      INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE webhooks_attempts (
    delivery_id      TEXT NOT NULL REFERENCES webhooks_deliveries (delivery_id) ON DELETE CASCADE,
    attempt_id       TEXT NOT NULL,
    tenant_id        TEXT NOT NULL,
    event_id         TEXT NOT NULL,
    endpoint_id      TEXT NOT NULL,
    number           INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL,
    succeeded        INTEGER NOT NULL,
    url              TEXT NOT NULL,
    request_headers  TEXT NOT NULL,
    error            TEXT,
    response_status  INTEGER,
    response_headers TEXT,
    body_truncated   INTEGER,
    response_body    TEXT,
    PRIMARY KEY (delivery_id, attempt_id)
  );
  -- Statistics.
  CREATE INDEX webhooks_attempts_started
    ON webhooks_attempts (tenant_id, started_at, endpoint_id, succeeded, duration_ms);

  -- Whose turn it is (see lanes.ts): one row per endpoint that ever had a delivery, and one per
  -- tenant that has one pending.
  CREATE TABLE webhooks_lanes (
    endpoint_id  TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    -- 0: in the queue of those that have something due, by turn. NULL: nothing is pending.
    ready_at     INTEGER,
    turn         INTEGER NOT NULL,
    -- The rate limit's bucket (see token-bucket.ts).
    tokens_owed  INTEGER NOT NULL DEFAULT 0,
    tokens_as_of INTEGER NOT NULL DEFAULT 0,
    -- The probe of a failing endpoint: its token, and until when no other delivery may go.
    probe_token  TEXT,
    probe_until  INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX webhooks_lanes_ready ON webhooks_lanes (tenant_id, ready_at, turn)
    WHERE ready_at IS NOT NULL;
  CREATE TABLE webhooks_tenants (
    tenant_id TEXT PRIMARY KEY,
    ready_at  INTEGER NOT NULL,
    turn      INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX webhooks_tenants_ready ON webhooks_tenants (ready_at, turn);

  INSERT INTO webhooks_state (name, value) VALUES ('turn', 0), ('fan_out_tenant', '');
  `,
]
