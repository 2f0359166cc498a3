import { pairEquals, planning, tenantsInTurn, withoutFlush } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** Whether a given delivery has its event and its endpoint in common with a known one. */
export const isKnown = pairEquals(
  ['known.event_id', 'known.endpoint_id'],
  ['given.event', 'given.endpoint'],
)

/**
 * Claims waiting events and takes in their deliveries. Both hold an event's place in the queue, and
 * the row of the event only where nobody is subscribed to it.
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
  -- Mostly nothing waits: then the search is spared.
  IF NOT EXISTS (SELECT FROM ${schema}.fan_out_queue) THEN
    RETURN;
  END IF;
  ${withoutFlush}
  WHILE rest > 0 LOOP
    tenants := (${tenantsInTurn({ from: `${schema}.fan_out_queue`, where: 'true', within: 'position' })});
    EXIT WHEN tenants IS NULL;
    share := ceil(rest::numeric / cardinality(tenants));
    WITH due AS (
      SELECT event.event_id, tenant.place AS tenant_place,
          row_number() OVER (PARTITION BY tenant.place ORDER BY event.position) AS round
        FROM unnest(tenants) WITH ORDINALITY AS tenant (tenant_id, place)
        CROSS JOIN LATERAL (
          SELECT event_id, position FROM ${schema}.fan_out_queue
            WHERE tenant_id = tenant.tenant_id AND (due_at IS NULL OR due_at <= p_now)
            ORDER BY position LIMIT share FOR UPDATE SKIP LOCKED
        ) AS event
    ), chosen AS MATERIALIZED (
      SELECT event_id FROM due ORDER BY round, tenant_place LIMIT rest
    ), leased AS (
      UPDATE ${schema}.fan_out_queue AS waiting SET lease_token = p_token, due_at = p_until
        FROM chosen WHERE waiting.event_id = chosen.event_id
        RETURNING waiting.event_id
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
  p_statuses text[], p_reasons text[], p_dues bigint[], p_tokens text[], p_created bigint[]
) RETURNS TABLE (accepted text, leased text, endpoint_id text, endpoint_version bigint,
  paused_until bigint, failing_since bigint, failed_attempts bigint)
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  held text[];
  -- Deliveries added under a lease, and whose they are.
  taken text[];
  takers text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
  -- Events whose wait ends with no delivery added.
  without text[];
BEGIN
  SELECT array_agg(event_id) INTO held FROM (
    SELECT event_id FROM ${schema}.fan_out_queue
      WHERE event_id = ANY (p_events) AND lease_token = p_token
      ORDER BY event_id FOR UPDATE
  ) AS rows;
  IF held IS NULL THEN
    RETURN;
  END IF;

  ${withoutFlush}
  -- Whoever adds a delivery holds its event's place, so nobody can add the same meanwhile.
  WITH fresh AS MATERIALIZED (
    SELECT given.* FROM unnest(p_ids, p_tenants, p_event_ids, p_endpoints, p_types, p_statuses,
          p_reasons, p_dues, p_tokens, p_created)
        AS given (id, tenant, event, endpoint, type, status, reason, due, token, created)
      JOIN ${schema}.fan_out_queue AS waiting
        ON waiting.event_id = given.event AND waiting.lease_token = p_token
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
  ), ended AS (
    DELETE FROM ${schema}.fan_out_queue AS waiting
      USING unnest(p_events, p_done) AS given (event_id, done)
      WHERE waiting.event_id = given.event_id AND waiting.lease_token = p_token AND given.done
      RETURNING waiting.event_id
  ), pending AS (
    SELECT array_agg(endpoint) AS endpoints, array_agg(tenant) AS tenants, array_agg(due) AS dues,
        array_agg(id) FILTER (WHERE token IS NOT NULL) AS taken,
        array_agg(endpoint) FILTER (WHERE token IS NOT NULL) AS takers
      FROM fresh WHERE status = 'pending'
  )
  SELECT pending.*, ARRAY(SELECT event_id FROM ended EXCEPT SELECT event FROM fresh)
    INTO endpoints, tenants, dues, taken, takers, without FROM pending;
  IF without <> '{}' THEN
    -- One may have been added before, by a fan-out that died half-way.
    PERFORM FROM ${schema}.events WHERE event_id = ANY (without) ORDER BY event_id FOR UPDATE;
    UPDATE ${schema}.events AS event SET unowed = true
      WHERE event_id = ANY (without) AND NOT EXISTS (
        SELECT FROM ${schema}.deliveries AS delivery WHERE delivery.event_id = event.event_id);
  END IF;

  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;
  RETURN QUERY SELECT accepted, NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
    FROM unnest(held) AS accepted;
  IF taken IS NOT NULL THEN
    RETURN QUERY SELECT NULL, given.id, given.endpoint, endpoint.version, endpoint.paused_until,
        endpoint.failing_since, endpoint.failed_attempts
      FROM unnest(taken, takers) AS given (id, endpoint)
      LEFT JOIN ${schema}.endpoints AS endpoint
        ON endpoint.endpoint_id = given.endpoint AND endpoint.deleted_at IS NULL;
  END IF;
END $$;
`
}
