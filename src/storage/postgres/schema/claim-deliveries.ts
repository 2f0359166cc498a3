import { planning, tenantsInTurn, withoutFlush } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** The columns of a delivery, all but its schedule. */
const deliveryColumns = [
  'delivery_id',
  'tenant_id',
  'event_id',
  'endpoint_id',
  'event_type',
  'status',
  'attempts',
  'step',
  'faults',
  'response_status',
  'last_error',
  'cancel_reason',
  'created_at',
  'completed_at',
]

/**
 * Claims due deliveries, in rounds: the next tenants in turn get equal shares, and within a tenant
 * its lanes in turn. What one leaves of its share goes to the others in the next round.
 *
 * Each statement of the function sees what was committed before it began (read committed): what is
 * read of a lane after it was locked is what the one before us wrote.
 *
 * The rate limit is a token bucket in whole numbers, so that no rounding adds up: a token taken
 * costs `intervalMs` units, a millisecond pays `limit` of them back, and a full bucket owes none.
 * A clock that steps back pays nothing back and takes nothing away.
 *
 * The answer has what deliveries change of an endpoint only in the first row that names it, and in
 * every row whether lanes were passed over that others had in their hands.
 */
export function claimDeliveriesFunction({ schema, sequence }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.claim_deliveries(
  p_now bigint, p_token text, p_until bigint, p_limit integer,
  p_per_endpoint integer, p_in_flight jsonb, p_probe_from bigint, p_after text, p_wait boolean
) RETURNS TABLE (
  contended boolean,
  delivery_id text, tenant_id text, event_id text, endpoint_id text, event_type text,
  status text, attempts integer, step integer, faults integer, response_status integer,
  last_error json, cancel_reason text, created_at bigint, completed_at bigint,
  endpoint_version bigint, paused_until bigint, failing_since bigint, failed_attempts bigint
) LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  rest integer := p_limit;
  after text := p_after;
  tenants text[];
  share integer;
  in_flight jsonb := p_in_flight;
  lanes text[];
  batch text[];
  -- Of this round, by lane: how many were taken, and which was its last place.
  taken jsonb;
  last_places jsonb;
  claimed text[] := '{}';
  -- Where a round trip through the tenants that found nothing began.
  idle_since text;
  is_contended boolean := false;
  awaited text;
BEGIN
  ${withoutFlush}
  -- Before anything is locked, so that nobody can be waiting for us; and for one lane by its id, as
  -- one that is found by what it holds may hold that no more once it is ours: then the search would
  -- go on to wait for the next one with the first still in hand.
  IF p_wait THEN
    awaited := coalesce(
      (SELECT endpoint_id FROM ${schema}.lanes
        WHERE turn IS NOT NULL AND ${hasRoom('endpoint_id')}
        ORDER BY tenant_id, turn LIMIT 1),
      (SELECT endpoint_id FROM ${schema}.lanes
        WHERE turn IS NULL AND ready_at <= p_now AND ${hasRoom('endpoint_id')}
        ORDER BY ready_at LIMIT 1));
    PERFORM FROM ${schema}.lanes WHERE endpoint_id = awaited FOR UPDATE;
  END IF;

  -- Lanes whose time has come stand in turn, behind those that stand there already.
  UPDATE ${schema}.lanes AS lane SET turn = nextval(${sequence('turns')})
    FROM (
      SELECT endpoint_id FROM ${schema}.lanes
        WHERE turn IS NULL AND ready_at <= p_now
        ORDER BY ready_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    ) AS ready
    WHERE lane.endpoint_id = ready.endpoint_id;

  WHILE rest > 0 LOOP
    tenants := (${tenantsInTurn({ from: `${schema}.lanes`, where: 'turn IS NOT NULL', within: 'turn' })});
    EXIT WHEN tenants IS NULL;
    share := ceil(rest::numeric / cardinality(tenants));

    SELECT array_agg(lane.endpoint_id ORDER BY tenant.place, lane.turn) INTO lanes
      FROM unnest(tenants) WITH ORDINALITY AS tenant (tenant_id, place)
      CROSS JOIN LATERAL (
        SELECT endpoint_id, turn FROM ${schema}.lanes
          WHERE tenant_id = tenant.tenant_id AND turn IS NOT NULL
            AND ${hasRoom('endpoint_id')}
          ORDER BY turn LIMIT share FOR UPDATE SKIP LOCKED
      ) AS lane;

    WITH lane AS MATERIALIZED (
      SELECT lane.endpoint_id, lane.tenant_id, lane.due_at, held.place, CASE
          WHEN endpoint.paused_until > p_now OR lane.probe_until > p_now THEN 0
          ELSE least(share, p_per_endpoint - ${inFlight('lane.endpoint_id')},
            CASE WHEN ${isProbed} THEN 1 END,
            div(greatest(0, rate * interval_ms - ${tokensOwed}), interval_ms)) END AS room
        FROM unnest(lanes) WITH ORDINALITY AS held (endpoint_id, place)
        JOIN ${schema}.lanes AS lane ON lane.endpoint_id = held.endpoint_id
        LEFT JOIN ${schema}.endpoints AS endpoint ON endpoint.endpoint_id = held.endpoint_id
        ${bucketRate}
    ), due AS (
      SELECT delivery.delivery_id, lane.tenant_id, lane.place,
          row_number() OVER (PARTITION BY lane.place ORDER BY delivery.due_at, delivery.delivery_id)
            AS round
        FROM lane CROSS JOIN LATERAL (
          -- From the lane's due_at on: what was due before is done, but its index entries may not
          -- have been vacuumed away yet.
          SELECT delivery_id, due_at FROM ${schema}.schedule
            WHERE endpoint_id = lane.endpoint_id AND due_at >= lane.due_at AND due_at <= p_now
            ORDER BY due_at, delivery_id LIMIT lane.room
        ) AS delivery
    ), in_turn AS (
      SELECT delivery_id, place, round,
          row_number() OVER (PARTITION BY tenant_id ORDER BY round, place) AS tenant_round
        FROM due
    ), chosen AS MATERIALIZED (
      SELECT delivery_id, row_number() OVER () AS place FROM (
        SELECT delivery_id FROM in_turn ORDER BY tenant_round, place LIMIT rest
      ) AS first
    ), free AS MATERIALIZED (
      -- A late worker may be settling one whose lease has ended: that one is skipped.
      SELECT delivery.delivery_id, chosen.place
        FROM chosen JOIN ${schema}.schedule AS delivery
          ON delivery.delivery_id = chosen.delivery_id
        WHERE delivery.due_at <= p_now
        FOR UPDATE OF delivery SKIP LOCKED
    ), leased AS (
      UPDATE ${schema}.schedule AS delivery SET due_at = p_until, lease_token = p_token
        FROM free WHERE delivery.delivery_id = free.delivery_id
        RETURNING delivery.delivery_id, delivery.endpoint_id, free.place
    ), counted AS (
      SELECT endpoint_id, count(*) AS count, max(place) AS last_place FROM leased
        GROUP BY endpoint_id
    )
    SELECT (SELECT array_agg(delivery_id ORDER BY place) FROM leased),
        jsonb_object_agg(endpoint_id, count), jsonb_object_agg(endpoint_id, last_place)
      INTO batch, taken, last_places FROM counted;

    WITH held AS (
      SELECT lane.*, coalesce((taken ->> lane.endpoint_id)::integer, 0) AS count_taken,
          coalesce(${isProbed}, false) AS is_probed, endpoint.paused_until, rate, interval_ms,
          (SELECT due_at FROM ${schema}.schedule
            WHERE endpoint_id = lane.endpoint_id AND due_at >= lane.due_at
            ORDER BY due_at LIMIT 1) AS first_due
        FROM unnest(lanes) AS held (endpoint_id)
        JOIN ${schema}.lanes AS lane ON lane.endpoint_id = held.endpoint_id
        LEFT JOIN ${schema}.endpoints AS endpoint ON endpoint.endpoint_id = held.endpoint_id
        ${bucketRate}
    ), charged AS (
      SELECT held.*,
          CASE WHEN rate IS NULL OR count_taken = 0 THEN tokens_owed
            ELSE ${tokensOwed} + count_taken * interval_ms END AS owed,
          CASE WHEN rate IS NULL OR count_taken = 0 THEN tokens_as_of
            ELSE greatest(tokens_as_of, p_now) END AS as_of,
          CASE WHEN is_probed AND count_taken > 0 THEN p_until ELSE probe_until END AS held_by_probe,
          CASE WHEN is_probed AND count_taken > 0 THEN p_token ELSE probe_token END AS token
        FROM held
    ), placed AS MATERIALIZED (
      SELECT charged.*, greatest(0, paused_until, held_by_probe, CASE
          WHEN owed > (rate - 1) * interval_ms
            THEN as_of + ceil((owed - (rate - 1) * interval_ms) / rate) END::bigint) AS held_until_next
        FROM charged ORDER BY (last_places ->> endpoint_id)::integer
    )
    UPDATE ${schema}.lanes AS lane SET
        due_at = placed.first_due,
        held_until = placed.held_until_next,
        turn = CASE
          WHEN ${waits} THEN NULL
          WHEN placed.count_taken > 0 THEN nextval(${sequence('turns')})
          ELSE placed.turn END,
        tokens_owed = placed.owed,
        tokens_as_of = placed.as_of,
        probe_until = placed.held_by_probe,
        probe_token = placed.token
      FROM placed WHERE lane.endpoint_id = placed.endpoint_id
        AND (placed.count_taken > 0 OR ${waits});

    IF FOUND THEN
      idle_since := NULL;
      IF batch IS NOT NULL THEN
        claimed := claimed || batch;
        rest := rest - cardinality(batch);
        in_flight := in_flight || (
          SELECT jsonb_object_agg(key, value::integer + ${inFlight('key')})
            FROM jsonb_each_text(taken));
      END IF;
    ELSIF cardinality(tenants) < rest OR idle_since = ANY (tenants) THEN
      EXIT;
    ELSE
      idle_since := coalesce(idle_since, tenants[1]);
    END IF;
    after := tenants[cardinality(tenants)];
  END LOOP;

  IF rest > 0 THEN
    is_contended := EXISTS (
        SELECT FROM ${schema}.lanes WHERE turn IS NOT NULL AND ${hasRoom('endpoint_id')})
      OR EXISTS (
        SELECT FROM ${schema}.lanes
          WHERE turn IS NULL AND ready_at <= p_now AND ${hasRoom('endpoint_id')});
  END IF;
  IF rest = p_limit THEN
    contended := is_contended;
    RETURN NEXT;
    RETURN;
  END IF;
  RETURN QUERY
    WITH claim AS MATERIALIZED (
      SELECT claimed.place, delivery.*,
          row_number() OVER (PARTITION BY delivery.endpoint_id ORDER BY place) AS endpoint_nth
        FROM unnest(claimed) WITH ORDINALITY AS claimed (delivery_id, place)
        JOIN ${schema}.deliveries AS delivery ON delivery.delivery_id = claimed.delivery_id
    )
    SELECT is_contended, ${deliveryColumns.map((column) => `claim.${column}`).join(', ')},
        endpoint.version, endpoint.paused_until, endpoint.failing_since, endpoint.failed_attempts
      FROM claim
      LEFT JOIN ${schema}.endpoints AS endpoint
        ON endpoint.endpoint_id = claim.endpoint_id AND claim.endpoint_nth = 1
          AND endpoint.deleted_at IS NULL
      ORDER BY claim.place;
END $$;

-- Columns by name: a table whose row type a function returns could not be given a new column while
-- processes of the release before call it.
CREATE FUNCTION ${schema}.claimed_events(p_ids text[])
RETURNS TABLE (event_position bigint, event_id text, tenant_id text, type text, created_at bigint,
  channels json, idempotency_key text, traceparent text, body text)
LANGUAGE plpgsql STABLE ${planning} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT event.position, event.event_id, event.tenant_id, event.type, event.created_at,
      event.channels, event.idempotency_key, event.traceparent, event.body
    FROM ${schema}.events AS event WHERE event_id = ANY (p_ids);
END $$;

CREATE FUNCTION ${schema}.claimed_endpoints(p_ids text[])
RETURNS SETOF json LANGUAGE plpgsql STABLE ${planning} AS $$
BEGIN
  RETURN QUERY SELECT row_to_json(endpoint) FROM ${schema}.endpoints AS endpoint
    WHERE endpoint_id = ANY (p_ids) AND deleted_at IS NULL;
END $$;
`
}

/** Whether nothing of a lane can be taken now. */
const waits =
  '(placed.first_due IS NULL OR placed.first_due > p_now OR placed.held_until_next > p_now)'

/** Whether an `endpoint` is given one delivery at a time. */
const isProbed =
  '(endpoint.active AND endpoint.deleted_at IS NULL AND endpoint.failed_attempts >= p_probe_from)'

function inFlight(endpointId: string): string {
  return `coalesce((in_flight ->> ${endpointId})::integer, 0)`
}

function hasRoom(endpointId: string): string {
  return `${inFlight(endpointId)} < p_per_endpoint`
}

/** The limit of an `endpoint`'s rate, in numbers without bounds: both may be any safe integer. */
const bucketRate = `CROSS JOIN LATERAL (
          SELECT (endpoint.rate_limit ->> 'limit')::numeric AS rate,
            (endpoint.rate_limit ->> 'intervalMs')::numeric AS interval_ms
        ) AS bucket`

/** Units owed by a lane's bucket at `p_now`: at most an interval's worth is left to pay back. */
const tokensOwed =
  'greatest(0, tokens_owed - least(greatest(p_now - tokens_as_of, 0), interval_ms) * rate)'
