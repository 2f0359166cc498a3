import { planning } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** Events that were inserted under a lease: see the table `kept_events`. */
export function keptEventsFunctions({ schema, channelLiteral }: SchemaNames): string {
  return `
-- Gives events back that were kept, and those of the queue.
CREATE FUNCTION ${schema}.release_events(p_ids text[], p_tokens text[], p_notify text) RETURNS void
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  count_moved integer;
  count_freed integer;
BEGIN
  ${lockKept(schema, 'p_tokens')}
  WITH ${taken(schema, { given: 'unnest(p_ids, p_tokens) AS given (event_id, token)', tokens: 'p_tokens' })}
  ${moveToQueue(schema, { from: 'taken', dueAt: 'NULL::bigint', token: 'NULL' })};
  GET DIAGNOSTICS count_moved = ROW_COUNT;
  UPDATE ${schema}.fan_out_queue AS waiting SET due_at = NULL, lease_token = NULL
    FROM unnest(p_ids, p_tokens) AS given (event_id, token)
    WHERE waiting.event_id = given.event_id AND waiting.lease_token = given.token;
  GET DIAGNOSTICS count_freed = ROW_COUNT;
  IF p_notify IS NOT NULL AND count_moved + count_freed > 0 THEN
    PERFORM pg_notify(${channelLiteral}, p_notify);
  END IF;
END $$;
`
}

/**
 * A statement of its own before {@link taken}, so that this one sees what others have taken out while
 * we waited for them.
 */
export function lockKept(schema: string, tokens: string): string {
  return `PERFORM FROM ${schema}.kept_events
    WHERE lease_token = ANY (${tokens}) ORDER BY lease_token FOR UPDATE;`
}

/**
 * Parts of a WITH: what of the \`given\` events was kept under its token is taken out, and stands in
 * \`taken\` with the end of its lease.
 */
export function taken(
  schema: string,
  { given, tokens }: { given: string; tokens: string },
): string {
  return `kept AS MATERIALIZED (
    SELECT * FROM ${schema}.kept_events WHERE lease_token = ANY (${tokens})
  ), taken AS MATERIALIZED (
    SELECT kept.due_at, given.* FROM ${given}
      JOIN kept ON kept.lease_token = given.token AND given.event_id = ANY (kept.event_ids)
  ), taken_of AS MATERIALIZED (
    SELECT token, array_agg(event_id) AS event_ids FROM taken GROUP BY token
  ), emptied AS (
    DELETE FROM ${schema}.kept_events AS kept USING taken_of
      WHERE kept.lease_token = taken_of.token
        AND cardinality(kept.event_ids) = cardinality(taken_of.event_ids)
  ), lessened AS (
    UPDATE ${schema}.kept_events AS kept SET event_ids = ARRAY(
        SELECT event_id FROM unnest(kept.event_ids) AS event_id
          WHERE event_id <> ALL (taken_of.event_ids))
      FROM taken_of WHERE kept.lease_token = taken_of.token
        AND cardinality(kept.event_ids) > cardinality(taken_of.event_ids)
  )`
}

/** Lets events wait in the queue that were kept. */
export function moveToQueue(
  schema: string,
  { from, dueAt, token }: { from: string; dueAt: string; token: string },
): string {
  return `INSERT INTO ${schema}.fan_out_queue (position, due_at, event_id, tenant_id, lease_token)
      SELECT event.position, ${dueAt}, event.event_id, event.tenant_id, ${token}
        FROM ${from} AS moving JOIN ${schema}.events AS event ON event.event_id = moving.event_id`
}

/**
 * Lets those wait whose lease has ended at \`p_now\`, with their tokens: whoever held them may write
 * until somebody claims them.
 */
export function moveEnded(schema: string): string {
  const ended = '(SELECT due_at, lease_token, unnest(event_ids) AS event_id FROM ended)'
  return `IF EXISTS (SELECT FROM ${schema}.kept_events WHERE due_at <= p_now) THEN
    WITH ended AS (
      DELETE FROM ${schema}.kept_events WHERE lease_token IN (
          SELECT lease_token FROM ${schema}.kept_events
            WHERE due_at <= p_now ORDER BY due_at FOR UPDATE SKIP LOCKED)
        RETURNING due_at, lease_token, event_ids
    )
    ${moveToQueue(schema, { from: ended, dueAt: 'moving.due_at', token: 'moving.lease_token' })};
  END IF;`
}

/** The ids of all of them. */
export function keptIds(schema: string): string {
  return `SELECT pg_catalog.unnest(event_ids) FROM ${schema}.kept_events`
}

/** Where an insert is repeated, or done in parts; also outside of functions with a search path. */
export const addToKept = `ON CONFLICT (lease_token) DO UPDATE
    SET event_ids = kept_events.event_ids OPERATOR(pg_catalog.||) excluded.event_ids`
