import { pairEquals, planning } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** Inserts events: many, or one that comes alone, which then costs half. */
export function insertEventsFunctions(names: SchemaNames): string {
  return insertEventsFunction(names) + insertEventFunction(names)
}

/**
 * Inserts events whose ids and keys differ among each other. Answers with no row where all of them
 * were inserted, and else with one row for each: which event stands for it.
 *
 * Writes in the order of the keys, so that two batches with the same keys do not wait for each other
 * in a circle; a key that another open transaction has taken is waited for.
 *
 * Positions are drawn in the given order; those of events that stand already leave gaps.
 */
function insertEventsFunction({ schema, sequence, channelLiteral }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.insert_events(
  p_ids text[], p_tenants text[], p_types text[], p_bodies text[], p_channels text[],
  p_keys text[], p_traces text[], p_created bigint[], p_fan_outs boolean[], p_notify text
) RETURNS TABLE (place bigint, event_id text, created_at bigint, inserted boolean)
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  count_inserted integer;
  count_found integer;
BEGIN
  LOOP
    WITH given AS (
      SELECT * FROM unnest(
          p_ids, p_tenants, p_types, p_bodies, p_channels, p_keys, p_traces, p_created, p_fan_outs
        ) WITH ORDINALITY
        AS given (id, tenant, type, body, channels, key, trace, created, fan_out, place)
    ), placed AS MATERIALIZED (
      SELECT given.*, nextval(${sequence('positions')}) AS position FROM given
    ), inserted AS (
      INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, idempotency_key,
          traceparent, created_at, fan_out, unowed, position)
        SELECT id, tenant, type, body, channels::json, key, trace, created, fan_out, NOT fan_out,
            position
          FROM placed
          ORDER BY tenant, key, position
        ON CONFLICT DO NOTHING RETURNING event_id, tenant_id, position, fan_out
    ), queued AS (
      INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
        SELECT event_id, tenant_id, position FROM inserted WHERE fan_out
    )
    SELECT count(*) INTO count_inserted FROM inserted;

    IF p_notify IS NOT NULL AND count_inserted > 0 THEN
      PERFORM pg_notify(${channelLiteral}, p_notify);
    END IF;
    IF count_inserted = cardinality(p_ids) THEN
      RETURN;
    END IF;

    RETURN QUERY
      SELECT given.place, coalesce(own.event_id, standing.event_id),
          coalesce(own.created_at, standing.created_at), own.event_id IS NOT NULL
        FROM unnest(p_ids, p_tenants, p_keys) WITH ORDINALITY AS given (id, tenant, key, place)
        LEFT JOIN ${schema}.events AS own ON own.event_id = given.id
        LEFT JOIN ${schema}.events AS standing ON own.event_id IS NULL
          AND ${standsFor('standing')}
        WHERE own.event_id IS NOT NULL OR standing.event_id IS NOT NULL;
    GET DIAGNOSTICS count_found = ROW_COUNT;
    -- One that stood in the way may have been pruned since: then there is room now. Rows answered
    -- twice say the same.
    EXIT WHEN count_found = cardinality(p_ids);
  END LOOP;
END $$;
`
}

/** Answers whether it was inserted. If not, `insert_events` says what stands for it. */
function insertEventFunction({ schema, sequence, channelLiteral }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.insert_event(
  p_id text, p_tenant text, p_type text, p_body text, p_channels json, p_key text, p_trace text,
  p_created bigint, p_fan_out boolean, p_notify text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  place bigint;
BEGIN
  INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, idempotency_key,
      traceparent, created_at, fan_out, unowed, position)
    VALUES (p_id, p_tenant, p_type, p_body, p_channels, p_key, p_trace, p_created, p_fan_out,
      NOT p_fan_out, nextval(${sequence('positions')}))
    ON CONFLICT DO NOTHING RETURNING position INTO place;
  IF place IS NULL THEN
    RETURN false;
  END IF;
  IF p_fan_out THEN
    INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
      VALUES (p_id, p_tenant, place);
  END IF;
  IF p_notify IS NOT NULL THEN
    PERFORM pg_notify(${channelLiteral}, p_notify);
  END IF;
  RETURN true;
END $$;
`
}

/** Whether an event has the key and the tenant of a `given` one. The index holds only these. */
function standsFor(event: string): string {
  const isSame = pairEquals(
    [`${event}.idempotency_key`, `${event}.tenant_id`],
    ['given.key', 'given.tenant'],
  )
  return `${event}.idempotency_key IS NOT NULL AND ${isSame}`
}
