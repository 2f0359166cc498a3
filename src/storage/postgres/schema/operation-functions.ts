import { planning } from './functions.ts'
import type { SchemaNames } from './names.ts'

/**
 * Lanes looked into at most. What stands in a lane may be too early, such as the end of a lease
 * that was settled since; beyond this number it is taken as it stands.
 */
const mostLanesLookedInto = 100

export function operationFunctions({ schema }: SchemaNames): string {
  const firstReady = `(
      SELECT greatest(due_at, lane.held_until) FROM ${schema}.schedule
        WHERE endpoint_id = lane.endpoint_id AND due_at >= lane.due_at
        ORDER BY due_at LIMIT 1)`
  const hasNoDelivery = (endpoint: string) => `NOT EXISTS (
        SELECT FROM ${schema}.deliveries AS delivery
          WHERE delivery.endpoint_id = ${endpoint}.endpoint_id)`
  return `
CREATE FUNCTION ${schema}.next_due_at(p_exclude text[]) RETURNS bigint
LANGUAGE plpgsql STABLE ${planning} AS $$
#variable_conflict use_column
DECLARE
  earliest bigint;
  event record;
  lane record;
  looked_into integer := 0;
BEGIN
  -- An event that nobody holds is due since ever. Those that somebody holds are few.
  FOR event IN SELECT due_at FROM ${schema}.fan_out_queue ORDER BY tenant_id, position LOOP
    IF event.due_at IS NULL THEN
      RETURN 0;
    END IF;
    earliest := least(earliest, event.due_at);
  END LOOP;
  earliest := least(earliest, (SELECT min(due_at) FROM ${schema}.kept_events));

  FOR lane IN
    SELECT endpoint_id, due_at, held_until FROM ${schema}.lanes
      WHERE turn IS NOT NULL AND endpoint_id <> ALL (p_exclude)
  LOOP
    looked_into := looked_into + 1;
    IF looked_into > ${mostLanesLookedInto} THEN
      RETURN 0;
    END IF;
    earliest := least(earliest, ${firstReady});
  END LOOP;

  looked_into := 0;
  FOR lane IN
    SELECT endpoint_id, due_at, held_until, ready_at FROM ${schema}.lanes
      WHERE turn IS NULL AND ready_at IS NOT NULL AND endpoint_id <> ALL (p_exclude)
      ORDER BY ready_at
  LOOP
    EXIT WHEN earliest <= lane.ready_at;
    looked_into := looked_into + 1;
    IF looked_into > ${mostLanesLookedInto} THEN
      RETURN lane.ready_at;
    END IF;
    earliest := least(earliest, ${firstReady});
  END LOOP;
  RETURN earliest;
END $$;

CREATE FUNCTION ${schema}.prune(
  p_before bigint, p_limit integer, OUT deliveries integer, OUT events integer
) LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  ids text[];
  event_ids text[];
BEGIN
  SELECT array_agg(delivery_id) INTO ids FROM (
    SELECT delivery_id FROM ${schema}.deliveries
      WHERE completed_at < p_before ORDER BY completed_at LIMIT p_limit
  ) AS rows;
  PERFORM FROM ${schema}.schedule WHERE delivery_id = ANY (ids) ORDER BY delivery_id FOR UPDATE;
  SELECT array_agg(delivery_id), array_agg(DISTINCT event_id) INTO ids, event_ids FROM (
    SELECT delivery_id, event_id FROM ${schema}.deliveries
      WHERE delivery_id = ANY (ids) AND status <> 'pending' FOR UPDATE SKIP LOCKED
  ) AS rows;
  deliveries := coalesce(cardinality(ids), 0);
  IF deliveries > 0 THEN
    DELETE FROM ${schema}.attempts WHERE delivery_id = ANY (ids);
    DELETE FROM ${schema}.schedule WHERE delivery_id = ANY (ids);
    DELETE FROM ${schema}.deliveries WHERE delivery_id = ANY (ids);
    -- Whoever prunes, adds or takes in a delivery of the same event meanwhile waits here for us, or
    -- we for them, and the last one sees whether any is left.
    PERFORM FROM ${schema}.fan_out_queue
      WHERE event_id = ANY (event_ids) ORDER BY event_id FOR UPDATE;
    PERFORM FROM ${schema}.events WHERE event_id = ANY (event_ids) ORDER BY event_id FOR UPDATE;
    UPDATE ${schema}.events AS event SET unowed = true
      WHERE event_id = ANY (event_ids)
        AND NOT EXISTS (
          SELECT FROM ${schema}.deliveries AS delivery WHERE delivery.event_id = event.event_id)
        AND NOT EXISTS (
          SELECT FROM ${schema}.fan_out_queue AS waiting WHERE waiting.event_id = event.event_id);
  END IF;

  SELECT array_agg(event_id) INTO event_ids FROM (
    SELECT event_id FROM ${schema}.events
      WHERE unowed AND created_at < p_before
      ORDER BY created_at LIMIT p_limit - deliveries FOR UPDATE SKIP LOCKED
  ) AS rows;
  DELETE FROM ${schema}.events WHERE event_id = ANY (event_ids);
  GET DIAGNOSTICS events = ROW_COUNT;

  SELECT array_agg(endpoint_id) INTO ids FROM (
    SELECT endpoint_id FROM ${schema}.endpoints AS endpoint
      WHERE deleted_at < p_before AND ${hasNoDelivery('endpoint')}
      -- Few as a rule, and at the end all of them: nobody would call again for their sake.
      LIMIT CASE WHEN prune.deliveries + prune.events < p_limit THEN NULL ELSE p_limit END
      FOR UPDATE SKIP LOCKED
  ) AS rows;
  -- A fan-out that saw the endpoint before it was deleted may be adding one now, and holds its lane:
  -- we look again once that is ours.
  PERFORM FROM ${schema}.lanes WHERE endpoint_id = ANY (ids) ORDER BY endpoint_id FOR UPDATE;
  SELECT array_agg(endpoint_id) INTO ids
    FROM unnest(ids) AS gone (endpoint_id) WHERE ${hasNoDelivery('gone')};
  DELETE FROM ${schema}.lanes WHERE endpoint_id = ANY (ids);
  DELETE FROM ${schema}.endpoints WHERE endpoint_id = ANY (ids);
END $$;
`
}
