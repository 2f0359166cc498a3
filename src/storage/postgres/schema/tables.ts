import type { SchemaNames } from './names.ts'

/**
 * Instants are bigint epoch milliseconds, for `to_timestamp(due_at / 1000.0)` to show: no setting
 * of a session and no type parser of the host changes how they read. Text is encoded as in
 * ../values.ts; JSON is `json`, which keeps the text as it is, U+0000 included.
 *
 * Text compares by its bytes (`COLLATE "C"`), as the contract asks of ids.
 *
 * There are no foreign keys: whoever adds a delivery locks its event, and whoever deletes an event
 * locks it as well and looks for deliveries after that. It keeps the same promise at a fifth of the
 * cost.
 *
 * A row is updated seldom and narrowly, because each update writes into every index of its table.
 * So what changes often stands apart from what is listed: the queue of events that wait for their
 * fan-out, and the schedule of deliveries.
 */
export function tables({ schema, sequence }: SchemaNames): string {
  return `
-- Positions of events. Read for active_position of an endpoint: a sequence moves at once for all,
-- whether or not the transaction that took the position has ended.
CREATE SEQUENCE ${schema}.positions;
-- Turns of lanes: who was served stands behind everybody who was not.
CREATE SEQUENCE ${schema}.turns;

-- An emit writes the row of the event and its place in fan_out_queue, or in kept_events; inside a
-- caller's transaction, two new rows and nothing else. The row with the body is written once.
CREATE TABLE ${schema}.events (
  position        bigint NOT NULL DEFAULT nextval(${sequence('positions')}),
  created_at      bigint NOT NULL,
  -- Whether it is to be fanned out, or was.
  fan_out         boolean NOT NULL,
  -- Whether it has no deliveries, and does not wait for its fan-out.
  unowed          boolean NOT NULL,
  event_id        text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  type            text COLLATE "C" NOT NULL,
  channels        json NOT NULL,
  idempotency_key text COLLATE "C",
  traceparent     text,
  body            text NOT NULL
);
CREATE UNIQUE INDEX events_by_key ON ${schema}.events (idempotency_key, tenant_id)
  WHERE idempotency_key IS NOT NULL;
-- Lists; with what they filter by, so that skipping a row costs no look at the table.
CREATE INDEX events_by_id ON ${schema}.events (tenant_id, event_id, created_at, type);
-- Retention.
CREATE INDEX events_unowed ON ${schema}.events (created_at) WHERE unowed;

-- Events that wait for their fan-out. Half of a page stays free, so that a lease rewrites the row
-- within it and no index.
CREATE TABLE ${schema}.fan_out_queue (
  position    bigint NOT NULL,
  -- The end of the lease. NULL: in nobody's hands.
  due_at      bigint,
  event_id    text COLLATE "C" PRIMARY KEY,
  tenant_id   text COLLATE "C" NOT NULL,
  lease_token text
) WITH (fillfactor = 50);
CREATE INDEX fan_out_queue_in_turn ON ${schema}.fan_out_queue (tenant_id, position);

-- Events that were inserted under the lease of the worker that will fan them out: a row for all
-- under one token, so that they cost little more than the row of the event itself. Of none of them
-- is a delivery stored: one that gets some, or whose lease ends, moves to the queue.
CREATE TABLE ${schema}.kept_events (
  due_at      bigint NOT NULL,
  lease_token text COLLATE "C" PRIMARY KEY,
  event_ids   text[] COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX kept_events_due ON ${schema}.kept_events (due_at);

CREATE TABLE ${schema}.endpoints (
  endpoint_id      text COLLATE "C" PRIMARY KEY,
  tenant_id        text COLLATE "C" NOT NULL,
  url              text NOT NULL,
  description      text NOT NULL,
  events           json NOT NULL,
  channels         json NOT NULL,
  filter           json,
  headers          json NOT NULL,
  secrets          json NOT NULL,
  rate_limit       json,
  retry            json,
  metadata         json NOT NULL,
  active           boolean NOT NULL,
  disabled_at      bigint,
  disabled_reason  text,
  paused_until     bigint,
  failing_since    bigint,
  failed_attempts  bigint NOT NULL DEFAULT 0,
  active_position  bigint NOT NULL,
  version          bigint NOT NULL DEFAULT 1,
  created_at       bigint NOT NULL,
  updated_at       bigint NOT NULL,
  deleted_at       bigint
);
CREATE INDEX endpoints_by_id ON ${schema}.endpoints (tenant_id, endpoint_id)
  WHERE deleted_at IS NULL;
CREATE INDEX endpoints_deleted ON ${schema}.endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE ${schema}.deliveries (
  created_at      bigint NOT NULL,
  completed_at    bigint,
  attempts        integer NOT NULL DEFAULT 0,
  step            integer NOT NULL DEFAULT 0,
  faults          integer NOT NULL DEFAULT 0,
  response_status integer,
  -- 'pending', 'succeeded', 'failed' or 'cancelled'
  status          text NOT NULL,
  delivery_id     text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  endpoint_id     text COLLATE "C" NOT NULL,
  event_type      text COLLATE "C" NOT NULL,
  cancel_reason   text,
  last_error      json
);
CREATE UNIQUE INDEX deliveries_by_event ON ${schema}.deliveries (event_id, endpoint_id);
-- Lists; one without a status merges the four statuses.
CREATE INDEX deliveries_by_tenant
  ON ${schema}.deliveries (tenant_id, status, delivery_id, created_at, event_type);
CREATE INDEX deliveries_by_endpoint
  ON ${schema}.deliveries (endpoint_id, status, delivery_id, created_at, event_type);
-- Statistics.
CREATE INDEX deliveries_created ON ${schema}.deliveries (tenant_id, created_at);
-- Retention.
CREATE INDEX deliveries_completed ON ${schema}.deliveries (completed_at)
  WHERE completed_at IS NOT NULL;

-- What is left to do: a row for each pending delivery, and for a cancelled one whose attempt is
-- still under way. Whoever changes a delivery that has a row here locks that row first.
CREATE TABLE ${schema}.schedule (
  -- Schedule and lease in one. NULL: cancelled.
  due_at      bigint,
  delivery_id text COLLATE "C" PRIMARY KEY,
  endpoint_id text COLLATE "C" NOT NULL,
  lease_token text
);
CREATE INDEX schedule_due ON ${schema}.schedule (endpoint_id, due_at, delivery_id)
  WHERE due_at IS NOT NULL;

CREATE TABLE ${schema}.attempts (
  started_at       bigint NOT NULL,
  duration_ms      double precision NOT NULL,
  number           integer NOT NULL,
  response_status  integer,
  succeeded        boolean NOT NULL,
  body_truncated   boolean,
  attempt_id       text COLLATE "C" NOT NULL,
  delivery_id      text COLLATE "C" NOT NULL,
  tenant_id        text COLLATE "C" NOT NULL,
  event_id         text COLLATE "C" NOT NULL,
  endpoint_id      text COLLATE "C" NOT NULL,
  url              text NOT NULL,
  request_headers  json NOT NULL,
  error            json,
  response_headers json,
  response_body    text,
  PRIMARY KEY (delivery_id, attempt_id)
);
-- Statistics.
CREATE INDEX attempts_started
  ON ${schema}.attempts (tenant_id, started_at, endpoint_id, succeeded, duration_ms);

-- Whose turn it is: one row per endpoint that ever had a delivery (see lanes.ts).
CREATE TABLE ${schema}.lanes (
  -- No pending delivery of the endpoint is due before this. NULL: none is pending.
  due_at       bigint,
  -- None may go before this: the end of a pause or of a probe, or the instant of the next token.
  held_until   bigint NOT NULL DEFAULT 0,
  ready_at     bigint GENERATED ALWAYS AS (
    CASE WHEN due_at IS NOT NULL THEN greatest(due_at, held_until) END) STORED,
  -- Its place among those that have something due; NULL: it waits for ready_at.
  turn         bigint,
  -- The rate limit's bucket (see claim-deliveries.ts).
  tokens_as_of bigint NOT NULL DEFAULT 0,
  tokens_owed  numeric NOT NULL DEFAULT 0,
  -- The probe of a failing endpoint: until when no other delivery may go, and its token.
  probe_until  bigint NOT NULL DEFAULT 0,
  probe_token  text,
  endpoint_id  text COLLATE "C" PRIMARY KEY,
  tenant_id    text COLLATE "C" NOT NULL
);
CREATE INDEX lanes_in_turn ON ${schema}.lanes (tenant_id, turn) WHERE turn IS NOT NULL;
CREATE INDEX lanes_waiting ON ${schema}.lanes (ready_at) WHERE turn IS NULL AND ready_at IS NOT NULL;
`
}
