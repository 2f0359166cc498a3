import { pairEquals, planning } from './functions.ts'
import { addToKept } from './kept-events.ts'
import type { SchemaNames } from './names.ts'

/** Inserts events: many, or one that comes alone, which then costs half. */
export function insertEventsFunctions(names: SchemaNames): string {
  return insertEventsFunction(names) + insertEventFunction(names)
}

/**
 * Inserts events whose ids and keys differ among each other. Answers with one row, the positions of
 * all, where all of them were inserted, and else with one row for each: which event stands for it.
 * Tokens and ends of leases are NULL where no event has one.
 *
 * Writes in the order of the keys, so that two batches with the same keys do not wait for each other
 * in a circle; a key that another open transaction has taken is waited for. Where no event has a key,
 * `p_keys` is NULL, and hardly ever does one stand already: then nothing is put in order, no row is
 * asked for before it is written, and it costs a quarter less.
 *
 * Positions are drawn in the given order; those of events that stand already leave gaps.
 */
function insertEventsFunction({ schema, sequence, channelLiteral }: SchemaNames): string {
  const queued = `queued AS (
        INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
          SELECT event_id, tenant_id, position FROM inserted WHERE fan_out AND p_tokens IS NULL
      )`
  return `
CREATE FUNCTION ${schema}.insert_events(
  p_ids text[], p_tenants text[], p_types text[], p_bodies text[], p_channels text[],
  p_keys text[], p_traces text[], p_created bigint[], p_fan_outs boolean[], p_tokens text[],
  p_untils bigint[], p_notify text
) RETURNS TABLE (positions bigint[], place bigint, event_id text, created_at bigint, event_position bigint,
  inserted boolean)
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  added text[];
  drawn bigint[];
  count_found integer;
BEGIN
  IF p_keys IS NULL THEN
    BEGIN
      WITH inserted AS (
        INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, traceparent,
            created_at, fan_out, unowed)
          SELECT id, tenant, type, body, channels::json, trace, created, fan_out, NOT fan_out
            FROM unnest(
                p_ids, p_tenants, p_types, p_bodies, p_channels, p_traces, p_created, p_fan_outs
              ) AS given (id, tenant, type, body, channels, trace, created, fan_out)
          RETURNING event_id, tenant_id, position, fan_out
      ), ${queued}
      SELECT array_agg(position) INTO drawn FROM inserted;
      added := p_ids;
    EXCEPTION WHEN unique_violation THEN
      -- The first answer was lost, and this is the second call.
    END;
  END IF;
  LOOP
    IF cardinality(added) IS DISTINCT FROM cardinality(p_ids) THEN
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
      ), ${queued}
      SELECT (SELECT array_agg(event_id) FROM inserted),
          (SELECT array_agg(position ORDER BY place) FROM placed)
        INTO added, drawn;
    END IF;

    IF p_tokens IS NOT NULL AND added IS NOT NULL THEN
      INSERT INTO ${schema}.kept_events (due_at, lease_token, event_ids)
        SELECT min(until), token, array_agg(id)
          FROM unnest(p_ids, p_tokens, p_untils, p_fan_outs) AS given (id, token, until, fan_out)
          WHERE fan_out AND token IS NOT NULL
            AND (cardinality(added) = cardinality(p_ids) OR id = ANY (added))
          GROUP BY token
        ${addToKept};
      INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
        SELECT id, tenant, position
          FROM unnest(p_ids, p_tenants, p_tokens, p_fan_outs, drawn)
            AS given (id, tenant, token, fan_out, position)
          WHERE fan_out AND token IS NULL AND id = ANY (added);
    END IF;
    IF p_notify IS NOT NULL AND added IS NOT NULL THEN
      PERFORM pg_notify(${channelLiteral}, p_notify);
    END IF;
    IF cardinality(added) = cardinality(p_ids) THEN
      RETURN QUERY SELECT drawn, NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::boolean;
      RETURN;
    END IF;

    RETURN QUERY
      SELECT NULL::bigint[], given.place, coalesce(own.event_id, standing.event_id),
          coalesce(own.created_at, standing.created_at), coalesce(own.position, standing.position),
          own.event_id IS NOT NULL
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

/** Answers with its position; NULL if it was not inserted: `insert_events` says what stands for it. */
function insertEventFunction({ schema, sequence, channelLiteral }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.insert_event(
  p_id text, p_tenant text, p_type text, p_body text, p_channels json, p_key text, p_trace text,
  p_created bigint, p_fan_out boolean, p_token text, p_until bigint, p_notify text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  place bigint;
BEGIN
  INSERT INTO ${schema}.events (event_id, tenant_id, type, body, channels, idempotency_key,
      traceparent, created_at, fan_out, unowed, position)
    VALUES (p_id, p_tenant, p_type, p_body, p_channels, p_key, p_trace, p_created, p_fan_out,
      NOT p_fan_out, nextval(${sequence('positions')}))
    ON CONFLICT DO NOTHING RETURNING position INTO place;
  IF place IS NULL THEN
    RETURN NULL;
  END IF;
  IF p_fan_out AND p_token IS NOT NULL THEN
    INSERT INTO ${schema}.kept_events (due_at, lease_token, event_ids)
      VALUES (p_until, p_token, ARRAY[p_id])
      ${addToKept};
  ELSIF p_fan_out THEN
    INSERT INTO ${schema}.fan_out_queue (event_id, tenant_id, position)
      VALUES (p_id, p_tenant, place);
  END IF;
  IF p_notify IS NOT NULL THEN
    PERFORM pg_notify(${channelLiteral}, p_notify);
  END IF;
  RETURN place;
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
