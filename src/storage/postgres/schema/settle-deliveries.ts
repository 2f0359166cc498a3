import { planning } from './functions.ts'
import type { SchemaNames } from './names.ts'

/** Attempts as our functions take them: one array per column. Whose they are stands elsewhere. */
export const attempts = {
  params: `p_attempt_ids text[], p_numbers integer[], p_started bigint[],
  p_durations double precision[], p_succeeded boolean[], p_urls text[], p_request_headers text[],
  p_attempt_errors text[], p_attempt_statuses integer[], p_response_headers text[],
  p_response_bodies text[], p_truncated boolean[]`,
  arrays: `p_attempt_ids, p_numbers, p_started, p_durations, p_succeeded, p_urls, p_request_headers,
          p_attempt_errors, p_attempt_statuses, p_response_headers, p_response_bodies, p_truncated`,
  names: `attempt_id, number, started, duration, succeeded, url, request_headers,
          attempt_error, attempt_status, response_headers, response_body, truncated`,
  /** @param owner - Columns with its tenant, delivery, event and endpoint. */
  insert: (
    schema: string,
    owner: string,
  ) => `INSERT INTO ${schema}.attempts (tenant_id, delivery_id,
        event_id, endpoint_id, attempt_id, number, started_at, duration_ms, succeeded, url,
        request_headers, error, response_status, response_headers, response_body, body_truncated)
      SELECT ${owner}, attempt_id, number, started, duration, succeeded, url,
          request_headers::json, attempt_error::json, attempt_status, response_headers::json,
          response_body, truncated`,
}

/**
 * Settles, under the fence: only rows of the schedule that hold the very token are locked, and
 * nothing is written but for those. No delivery is given twice under the same token. A delivery that was cancelled
 * meanwhile stays so unless the attempt succeeded.
 */
export function settleDeliveriesFunction({ schema }: SchemaNames): string {
  return `
CREATE FUNCTION ${schema}.settle_deliveries(
  p_now bigint, p_ids text[], p_tokens text[], p_statuses text[], p_dues bigint[],
  p_attempts integer[], p_steps integer[], p_faults integer[], p_response_statuses integer[],
  p_errors text[], p_reasons text[], p_completed bigint[],
  ${attempts.params}
) RETURNS SETOF text LANGUAGE plpgsql ${planning} AS $$
#variable_conflict use_column
DECLARE
  accepted text[];
  endpoints text[];
  tenants text[];
  dues bigint[];
BEGIN
  WITH held AS MATERIALIZED (
    SELECT given.*
      FROM unnest(p_ids, p_tokens, p_statuses, p_dues, p_attempts, p_steps, p_faults,
          p_response_statuses, p_errors, p_reasons, p_completed, ${attempts.arrays})
        AS given (id, token, status, due, attempts, step, faults, response_status, error, reason,
          completed, ${attempts.names})
      JOIN ${schema}.schedule AS entry ON entry.delivery_id = given.id AND entry.lease_token = given.token
      ORDER BY given.id COLLATE "C" FOR UPDATE OF entry
  ), settled AS (
    UPDATE ${schema}.deliveries AS delivery SET
        attempts = held.attempts,
        response_status = held.response_status,
        last_error = held.error::json,
        status = CASE WHEN ${staysCancelled} THEN delivery.status ELSE held.status END,
        step = CASE WHEN ${staysCancelled} THEN delivery.step ELSE held.step END,
        faults = CASE WHEN ${staysCancelled} THEN delivery.faults ELSE held.faults END,
        cancel_reason = CASE WHEN ${staysCancelled} THEN delivery.cancel_reason
          ELSE held.reason END,
        completed_at = CASE WHEN ${staysCancelled} THEN delivery.completed_at
          ELSE held.completed END
      FROM held WHERE delivery.delivery_id = held.id
      RETURNING delivery.delivery_id, delivery.status, delivery.endpoint_id, delivery.tenant_id,
        delivery.event_id, held.due, ${attempts.names}
  ), ended AS (
    DELETE FROM ${schema}.schedule AS entry USING settled
      WHERE entry.delivery_id = settled.delivery_id AND settled.status <> 'pending'
  ), waiting AS (
    UPDATE ${schema}.schedule AS entry SET due_at = settled.due, lease_token = NULL
      FROM settled WHERE entry.delivery_id = settled.delivery_id AND settled.status = 'pending'
  ), logged AS (
    ${attempts.insert(schema, 'tenant_id, delivery_id, event_id, endpoint_id')}
        FROM settled
  )
  SELECT array_agg(delivery_id),
      array_agg(endpoint_id) FILTER (WHERE status = 'pending'),
      array_agg(tenant_id) FILTER (WHERE status = 'pending'),
      array_agg(due) FILTER (WHERE status = 'pending')
    INTO accepted, endpoints, tenants, dues FROM settled;
  IF endpoints IS NOT NULL THEN
    PERFORM ${schema}.open_lanes(p_now, endpoints, tenants, dues);
  END IF;
  RETURN QUERY SELECT unnest(accepted);
END $$;
`
}

const staysCancelled = "delivery.status = 'cancelled' AND held.status <> 'succeeded'"
