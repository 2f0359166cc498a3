import { pairEquals, planning, tenantsInTurn, withoutFlush } from './functions.ts'
import { lockKept, moveEnded, moveToQueue, taken } from './kept-events.ts'
import type { SchemaNames } from './names.ts'
import { attempts } from './settle-deliveries.ts'

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
  ${moveEnded(schema)}
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

-- Events come in the order of their ids, so that no two calls wait for each other in a circle.
-- Deliveries whose first attempt has ended come first; the arrays of what is known of them alone are
-- that much shorter. Answers with what was refused.
CREATE FUNCTION ${schema}.fan_out(
  p_now bigint, p_events text[], p_event_tokens text[], p_done boolean[], p_childless text[],
  p_ids text[], p_tenants text[], p_event_ids text[], p_endpoints text[], p_types text[],
  p_statuses text[], p_reasons text[], p_dues bigint[], p_tokens text[], p_created bigint[],
  p_completed bigint[], p_attempts integer[], p_steps integer[], p_faults integer[],
  p_response_statuses integer[], p_errors text[],
  ${attempts.params}
) RETURNS TABLE (refused_event text, refused_delivery text)
LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  held text[];
  holds_all boolean;
  were_kept boolean;
  count_settled integer;
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  -- Those that were inserted under their lease.
  ${lockKept(schema, 'p_event_tokens')}
  WITH ${taken(schema, {
    given: 'unnest(p_events, p_event_tokens, p_done) AS given (event_id, token, done)',
    tokens: 'p_event_tokens',
  })},
  moved AS (
    ${moveToQueue(schema, { from: 'taken', dueAt: 'moving.due_at', token: 'moving.token' })}
        WHERE NOT moving.done
  )
  SELECT array_agg(event_id) INTO held FROM taken;

  were_kept := cardinality(held) = cardinality(p_events);
  -- Those that wait in the queue. What waits no more is taken out at once: that holds its place as a
  -- lock does, and costs less.
  IF cardinality(held) IS DISTINCT FROM cardinality(p_events) THEN
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(p_events, p_event_tokens, p_done) AS given (event_id, token, done)
        WHERE held IS NULL OR event_id <> ALL (held)
    ), ended AS (
      DELETE FROM ${schema}.fan_out_queue AS waiting USING given
        WHERE waiting.event_id = given.event_id AND waiting.lease_token = given.token AND given.done
        RETURNING waiting.event_id
    ), unended AS (
      SELECT waiting.event_id
        FROM given JOIN ${schema}.fan_out_queue AS waiting
          ON waiting.event_id = given.event_id AND waiting.lease_token = given.token
        WHERE NOT given.done
        FOR UPDATE OF waiting
    )
    SELECT held || array_agg(event_id) INTO held
      FROM (SELECT event_id FROM ended UNION ALL SELECT event_id FROM unended) AS both_kinds;
  END IF;
  holds_all := coalesce(cardinality(held), 0) = cardinality(p_events);
  IF held IS NULL THEN
    RETURN QUERY SELECT event_id, NULL FROM unnest(p_events) AS event_id;
    RETURN QUERY SELECT NULL, id FROM unnest(p_ids, p_attempt_ids) AS given (id, attempt_id)
      WHERE attempt_id IS NOT NULL;
    RETURN;
  END IF;

  IF were_kept AND cardinality(p_attempt_ids) = cardinality(p_ids) AND p_childless = '{}'
      AND 'pending' <> ALL (p_statuses) THEN
    -- Of those that were kept nothing is stored yet, and of these nothing is left to do.
    ${addDeliveries(schema)}
        FROM unnest(${deliveries.arrays}) AS given (${deliveries.names});
    ${attempts.insert(schema, 'tenant, id, event, endpoint')}
        FROM unnest(p_ids, p_tenants, p_event_ids, p_endpoints, ${attempts.arrays})
          AS given (id, tenant, event, endpoint, ${attempts.names});
    RETURN;
  END IF;

  IF cardinality(p_attempt_ids) = 0 THEN
    ${withoutFlush}
  END IF;
  -- Whoever adds a delivery holds its event's place, so nobody can add the same meanwhile.
  WITH fresh AS MATERIALIZED (
    SELECT given.*
      FROM unnest(${deliveries.arrays}, p_dues, p_tokens, ${attempts.arrays})
        AS given (${deliveries.names}, due, token, ${attempts.names})
      WHERE (holds_all OR given.event = ANY (held)) AND NOT EXISTS (
        SELECT FROM ${schema}.deliveries AS known
          WHERE ${isKnown})
  ), added AS (
    ${addDeliveries(schema)}
        FROM fresh
  ), scheduled AS (
    INSERT INTO ${schema}.schedule (delivery_id, endpoint_id, due_at, lease_token)
      SELECT id, endpoint, due, token FROM fresh WHERE status = 'pending'
  ), logged AS (
    ${attempts.insert(schema, 'tenant, id, event, endpoint')}
        FROM fresh WHERE attempt_id IS NOT NULL
  )
  SELECT count(attempt_id), array_agg(endpoint) FILTER (WHERE status = 'pending'),
      array_agg(tenant) FILTER (WHERE status = 'pending'),
      array_agg(due) FILTER (WHERE status = 'pending')
    INTO count_settled, endpoints, tenants, dues FROM fresh;

  IF p_childless <> '{}' THEN
    -- One may have been added before, by a fan-out that died half-way.
    PERFORM FROM ${schema}.events
      WHERE event_id = ANY (p_childless) AND event_id = ANY (held) ORDER BY event_id FOR UPDATE;
    UPDATE ${schema}.events AS event SET unowed = true
      WHERE event_id = ANY (p_childless) AND event_id = ANY (held) AND NOT EXISTS (
        SELECT FROM ${schema}.deliveries AS delivery WHERE delivery.event_id = event.event_id);
  END IF;
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;

  IF NOT holds_all THEN
    RETURN QUERY SELECT event_id, NULL FROM unnest(p_events) AS event_id
      WHERE event_id <> ALL (held);
  END IF;
  IF count_settled < cardinality(p_attempt_ids) THEN
    RETURN QUERY SELECT NULL, id FROM unnest(p_ids, p_attempt_ids) AS given (id, attempt_id)
      WHERE attempt_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ${schema}.attempts AS known
          WHERE known.delivery_id = given.id AND known.attempt_id = given.attempt_id);
  END IF;
END $$;
`
}

/** Deliveries as they are given, with what is known of those whose first attempt has ended. */
const deliveries = {
  arrays: `p_ids, p_tenants, p_event_ids, p_endpoints, p_types, p_statuses, p_reasons, p_created,
          p_completed, p_attempts, p_steps, p_faults, p_response_statuses, p_errors`,
  names: `id, tenant, event, endpoint, type, status, reason, created, completed, attempts, step,
          faults, last_status, last_error`,
}

function addDeliveries(schema: string): string {
  return `INSERT INTO ${schema}.deliveries (delivery_id, tenant_id, event_id, endpoint_id, event_type,
        status, cancel_reason, created_at, completed_at, attempts, step, faults, response_status,
        last_error)
      SELECT id, tenant, event, endpoint, type, status, reason, created,
          CASE WHEN status <> 'pending' THEN coalesce(completed, created) END,
          coalesce(attempts, 0), coalesce(step, 0), coalesce(faults, 0), last_status,
          last_error::json`
}
