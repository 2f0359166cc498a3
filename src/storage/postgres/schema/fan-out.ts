import { pairEquals, planning, tenantsInTurn } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** Whether a given delivery has its event and its endpoint in common with a known one. */
export const isKnown = pairEquals(
  ['known.event_id', 'known.endpoint_id'],
  ['given.event', 'given.endpoint'],
)

/**
 * Claims waiting events and takes in their deliveries. Both lock the event first and its lease
 * then.
 */
export function fanOutFunctions({ schema }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.claim_events(
  p_now bigint, p_token text, p_until bigint, p_limit integer, p_after text
) RETURNS TABLE (event_position bigint, event_id text, tenant_id text, type text, created_at bigint,
  channels json, idempotency_key text, traceparent text, body text)
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  rest integer := p_limit;
  after text := p_after;
  tenants text[];
  share integer;
  batch text[];
  claimed text[] := '{}';
  -- Where a round trip through the tenants that found nothing began.
  idle_since text;
BEGIN
  WHILE rest > 0 LOOP
    tenants := (${tenantsInTurn({ from: `${schema}.events`, where: "fan_out = 'wait'", within: 'position' })});
    EXIT WHEN tenants IS NULL;
    share := ceil(rest::numeric / cardinality(tenants));
    WITH due AS (
      SELECT event.event_id, tenant.place AS tenant_place,
          row_number() OVER (PARTITION BY tenant.place ORDER BY event.position) AS round
        FROM unnest(tenants) WITH ORDINALITY AS tenant (tenant_id, place)
        CROSS JOIN LATERAL (
          SELECT event_id, position FROM ${schema}.events AS event
            WHERE event.tenant_id = tenant.tenant_id AND fan_out = 'wait' AND NOT EXISTS (
              SELECT FROM ${schema}.event_leases AS lease
                WHERE lease.event_id = event.event_id AND lease.due_at > p_now)
            ORDER BY position LIMIT share FOR UPDATE SKIP LOCKED
        ) AS event
    ), leased AS (
      INSERT INTO ${schema}.event_leases AS lease (event_id, lease_token, due_at)
        SELECT event_id, p_token, p_until FROM due ORDER BY round, tenant_place LIMIT rest
        -- Our snapshot may be older than the lease of somebody else.
        ON CONFLICT (event_id) DO UPDATE
          SET lease_token = excluded.lease_token, due_at = excluded.due_at
          WHERE lease.due_at <= p_now
        RETURNING event_id
    )
    SELECT array_agg(event_id) INTO batch FROM leased;
    IF batch IS NOT NULL THEN
      claimed := claimed || batch;
      rest := rest - cardinality(batch);
      idle_since := NULL;
    ELSIF cardinality(tenants) < rest OR idle_since = ANY (tenants) THEN
      EXIT;
    ELSE
      idle_since := coalesce(idle_since, tenants[1]);
    END IF;
    after := tenants[cardinality(tenants)];
  END LOOP;
  RETURN QUERY
    SELECT event.position, event.event_id, event.tenant_id, event.type, event.created_at,
        event.channels, event.idempotency_key, event.traceparent, event.body
      FROM unnest(claimed) WITH ORDINALITY AS claim (event_id, place)
      JOIN ${schema}.events AS event ON event.event_id = claim.event_id
      ORDER BY claim.place;
END $$;

CREATE FUNCTION ${schema}.fan_out(
  p_now bigint, p_token text, p_events text[], p_done boolean[],
  p_ids text[], p_tenants text[], p_event_ids text[], p_endpoints text[], p_types text[],
  p_statuses text[], p_reasons text[], p_dues bigint[], p_created bigint[]
) RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  held text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  SELECT array_agg(event_id) INTO held FROM (
    SELECT event.event_id
      FROM unnest(p_events) AS given (event_id)
      JOIN ${schema}.events AS event ON event.event_id = given.event_id
      JOIN ${schema}.event_leases AS lease
        ON lease.event_id = given.event_id AND lease.lease_token = p_token
      ORDER BY event.event_id FOR UPDATE OF event, lease
  ) AS rows;
  IF held IS NULL THEN
    RETURN;
  END IF;

  -- Whoever adds a delivery holds its event, so nobody can add the same meanwhile.
  WITH fresh AS MATERIALIZED (
    SELECT given.* FROM unnest(p_ids, p_tenants, p_event_ids, p_endpoints, p_types, p_statuses,
          p_reasons, p_dues, p_created)
        AS given (id, tenant, event, endpoint, type, status, reason, due, created)
      JOIN ${schema}.event_leases AS lease
        ON lease.event_id = given.event AND lease.lease_token = p_token
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
    INSERT INTO ${schema}.schedule (delivery_id, endpoint_id, due_at)
      SELECT id, endpoint, due FROM fresh WHERE status = 'pending'
  )
  SELECT array_agg(endpoint), array_agg(tenant), array_agg(due) INTO endpoints, tenants, dues
    FROM fresh WHERE status = 'pending';

  UPDATE ${schema}.events AS event SET fan_out = 'done', owed = EXISTS (
      SELECT FROM ${schema}.deliveries AS delivery WHERE delivery.event_id = event.event_id)
    FROM unnest(p_events, p_done) AS given (event_id, done)
    JOIN ${schema}.event_leases AS lease
      ON lease.event_id = given.event_id AND lease.lease_token = p_token
    WHERE event.event_id = given.event_id AND given.done;
  DELETE FROM ${schema}.event_leases AS lease
    USING unnest(p_events, p_done) AS given (event_id, done)
    WHERE lease.event_id = given.event_id AND lease.lease_token = p_token AND given.done;

  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;
  RETURN QUERY SELECT unnest(held);
END $$;
`
}
