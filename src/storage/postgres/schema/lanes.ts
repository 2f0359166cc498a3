import { planning } from './functions.ts'
import type { SchemaNames } from './names.ts'

/**
 * Lanes. A lane is what waits for one endpoint. It stands in turn while something of it may be due,
 * and waits otherwise, until `ready_at`: a lower bound of the instant at which a claim can next
 * find something there, made of what is due and of what holds the endpoint back. So a claim costs what it takes, however many endpoints are paused or wait
 * for a retry. Lanes that only seem to have something are put in their right place by the claim
 * that looks into them.
 *
 * Whoever makes a delivery due earlier opens its lane after that, last in its transaction, and holds
 * the lane's row to the end even where nothing has to change. A claim holds the row while it looks.
 * So either the claim sees the delivery, or the opening sees what the claim wrote: no wake-up is
 * lost between the two. Lanes are opened in the order of their ids, claims never wait for a lane
 * while they hold one: no deadlock.
 */
export function laneFunctions({ schema, sequence }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.open_lanes(
  p_now bigint, p_endpoints text[], p_tenants text[], p_dues bigint[]
) RETURNS void LANGUAGE plpgsql ${planning} AS $$
BEGIN
  -- ON CONFLICT DO UPDATE locks the row, also where its condition does not hold.
  INSERT INTO ${schema}.lanes AS lane (endpoint_id, tenant_id, due_at, turn)
    SELECT endpoint_id, min(tenant_id), min(due_at),
        CASE WHEN min(due_at) <= p_now THEN nextval(${sequence('turns')}) END
      FROM unnest(p_endpoints, p_tenants, p_dues) AS given (endpoint_id, tenant_id, due_at)
      GROUP BY endpoint_id ORDER BY endpoint_id COLLATE "C"
    ON CONFLICT (endpoint_id) DO UPDATE
      SET due_at = excluded.due_at,
        turn = coalesce(lane.turn, CASE WHEN lane.held_until <= p_now THEN excluded.turn END)
      WHERE lane.due_at IS NULL OR lane.due_at > excluded.due_at;
END $$;
`
}
