import { isKnown } from './fan-out.ts'
import { planning, unindexed } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** What else changes deliveries: each locks rows of the schedule in the order of their ids. */
export function deliveryFunctions({ schema, channelLiteral }: SchemaNames): string {
  const notify = `
  IF p_notify IS NOT NULL AND endpoints IS NOT NULL THEN
    PERFORM pg_notify(${channelLiteral}, p_notify);
  END IF;`
  return `
CREATE FUNCTION ${schema}.insert_deliveries(
  p_ids text[], p_tenants text[], p_events text[], p_endpoints text[], p_types text[],
  p_statuses text[], p_reasons text[], p_dues bigint[], p_tokens text[], p_created bigint[],
  p_now bigint, p_notify text
) RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  inserted text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  -- Whoever prunes holds the events.
  PERFORM FROM ${schema}.events WHERE event_id = ANY (p_events) ORDER BY event_id FOR UPDATE;
  WITH fresh AS MATERIALIZED (
    SELECT given.* FROM unnest(p_ids, p_tenants, p_events, p_endpoints, p_types, p_statuses,
          p_reasons, p_dues, p_tokens, p_created)
        AS given (id, tenant, event, endpoint, type, status, reason, due, token, created)
      JOIN ${schema}.events AS event
        ON event.event_id = given.event AND ${unindexed('event.tenant_id')} = given.tenant
      JOIN ${schema}.endpoints AS endpoint
        ON endpoint.endpoint_id = given.endpoint
          AND ${unindexed('endpoint.tenant_id')} = given.tenant
      WHERE NOT EXISTS (
        SELECT FROM ${schema}.deliveries AS known
          WHERE ${isKnown})
  ), added AS (
    INSERT INTO ${schema}.deliveries (delivery_id, tenant_id, event_id, endpoint_id, event_type,
        status, cancel_reason, created_at, completed_at)
      SELECT id, tenant, event, endpoint, type, status, reason, created,
          CASE WHEN status <> 'pending' THEN created END
        FROM fresh
  ), scheduled AS (
    INSERT INTO ${schema}.schedule (delivery_id, endpoint_id, due_at, lease_token)
      SELECT id, endpoint, due, token FROM fresh WHERE status = 'pending'
  ), owed AS (
    UPDATE ${schema}.events AS event SET unowed = false
      FROM (SELECT DISTINCT event FROM fresh) AS fresh
      WHERE event.event_id = fresh.event AND event.unowed
  )
  SELECT array_agg(id), array_agg(endpoint) FILTER (WHERE status = 'pending'),
      array_agg(tenant) FILTER (WHERE status = 'pending'),
      array_agg(due) FILTER (WHERE status = 'pending')
    INTO inserted, endpoints, tenants, dues FROM fresh;
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;${notify}
  RETURN QUERY SELECT unnest(inserted);
END $$;

CREATE FUNCTION ${schema}.renew_leases(p_ids text[], p_tokens text[], p_until bigint)
RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  held text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  SELECT array_agg(delivery_id) INTO held FROM (${heldRows(schema)}) AS rows;
  WITH renewed AS (
    UPDATE ${schema}.schedule SET due_at = p_until
      WHERE delivery_id = ANY (held) AND due_at IS NOT NULL RETURNING delivery_id
  )
  SELECT array_agg(delivery.endpoint_id), array_agg(delivery.tenant_id), array_agg(p_until)
    INTO endpoints, tenants, dues
    FROM renewed JOIN ${schema}.deliveries AS delivery
      ON delivery.delivery_id = renewed.delivery_id;
  -- Only a clock that was set back makes a lease end earlier than it did.
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(0, endpoints, tenants, dues);
  END IF;
  RETURN QUERY SELECT unnest(held);
END $$;

CREATE FUNCTION ${schema}.release_deliveries(
  p_ids text[], p_tokens text[], p_now bigint, p_notify text
) RETURNS void LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  held text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  SELECT array_agg(delivery_id) INTO held FROM (${heldRows(schema)}) AS rows;
  DELETE FROM ${schema}.schedule WHERE delivery_id = ANY (held) AND due_at IS NULL;
  WITH released AS (
    UPDATE ${schema}.schedule SET due_at = p_now, lease_token = NULL
      WHERE delivery_id = ANY (held) RETURNING delivery_id
  )
  SELECT array_agg(delivery.endpoint_id), array_agg(delivery.tenant_id), array_agg(p_now)
    INTO endpoints, tenants, dues
    FROM released JOIN ${schema}.deliveries AS delivery
      ON delivery.delivery_id = released.delivery_id;
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;${notify}
END $$;

CREATE FUNCTION ${schema}.requeue_deliveries(
  p_tenant text, p_ids text[], p_now bigint, p_notify text
) RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  changed text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  PERFORM FROM ${schema}.schedule WHERE delivery_id = ANY (p_ids) ORDER BY delivery_id FOR UPDATE;
  PERFORM FROM ${schema}.deliveries WHERE delivery_id = ANY (p_ids) ORDER BY delivery_id FOR UPDATE;
  WITH idle AS MATERIALIZED (
    SELECT delivery.delivery_id, delivery.endpoint_id, delivery.tenant_id
      FROM ${schema}.deliveries AS delivery
      LEFT JOIN ${schema}.schedule AS entry ON entry.delivery_id = delivery.delivery_id
      WHERE delivery.delivery_id = ANY (p_ids)
        AND ${unindexed('delivery.tenant_id')} = p_tenant
        AND (delivery.status <> 'pending' OR entry.lease_token IS NULL OR entry.due_at <= p_now)
  ), scheduled AS (
    INSERT INTO ${schema}.schedule AS entry (delivery_id, endpoint_id, due_at)
      SELECT delivery_id, endpoint_id, p_now FROM idle ORDER BY delivery_id
      ON CONFLICT (delivery_id) DO UPDATE SET due_at = p_now, lease_token = NULL
        -- Made pending by somebody else since we looked, and claimed already.
        WHERE entry.due_at IS NULL OR entry.lease_token IS NULL OR entry.due_at <= p_now
      RETURNING delivery_id
  ), pending AS (
    UPDATE ${schema}.deliveries AS delivery SET status = 'pending',
        step = CASE WHEN delivery.status = 'pending' THEN delivery.step ELSE 0 END,
        faults = CASE WHEN delivery.status = 'pending' THEN delivery.faults ELSE 0 END,
        completed_at = NULL, cancel_reason = NULL
      FROM scheduled WHERE delivery.delivery_id = scheduled.delivery_id
      RETURNING delivery.delivery_id, delivery.endpoint_id, delivery.tenant_id
  )
  SELECT array_agg(delivery_id), array_agg(endpoint_id), array_agg(tenant_id), array_agg(p_now)
    INTO changed, endpoints, tenants, dues FROM pending;
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;${notify}
  RETURN QUERY SELECT unnest(changed);
END $$;

-- Of the given ids or, where they are NULL, of the endpoint.
CREATE FUNCTION ${schema}.cancel_deliveries(
  p_tenant text, p_ids text[], p_endpoint text, p_reason text, p_now bigint, p_limit integer
) RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  ids text[] := p_ids;
  held text[];
BEGIN
  IF ids IS NULL THEN
    SELECT array_agg(delivery_id) INTO ids FROM (
      SELECT delivery_id FROM ${schema}.schedule
        WHERE endpoint_id = p_endpoint AND due_at IS NOT NULL LIMIT p_limit
    ) AS rows;
  END IF;
  SELECT array_agg(delivery_id) INTO held FROM (
    SELECT entry.delivery_id FROM ${schema}.schedule AS entry
      JOIN ${schema}.deliveries AS delivery
        ON delivery.delivery_id = entry.delivery_id
          AND ${unindexed('delivery.tenant_id')} = p_tenant
      WHERE entry.delivery_id = ANY (ids) AND entry.due_at IS NOT NULL
      ORDER BY entry.delivery_id LIMIT p_limit FOR UPDATE OF entry
  ) AS rows;
  UPDATE ${schema}.deliveries
    SET status = 'cancelled', cancel_reason = p_reason, completed_at = p_now
    WHERE delivery_id = ANY (held);
  DELETE FROM ${schema}.schedule WHERE delivery_id = ANY (held) AND lease_token IS NULL;
  UPDATE ${schema}.schedule SET due_at = NULL WHERE delivery_id = ANY (held);
  RETURN QUERY SELECT unnest(held);
END $$;
`
}

/** Locks the rows that hold the token under which they are named. */
function heldRows(schema: string): string {
  return `
    SELECT entry.delivery_id FROM unnest(p_ids, p_tokens) AS given (id, token)
      JOIN ${schema}.schedule AS entry ON entry.delivery_id = given.id AND entry.lease_token = given.token
      ORDER BY entry.delivery_id FOR UPDATE OF entry`
}
