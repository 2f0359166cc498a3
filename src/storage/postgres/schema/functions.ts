/**
 * How our functions are planned. What they read is a few rows through an index, always; so the plan
 * is made once per connection and never depends on statistics, which are wrong exactly when a
 * backlog has just grown.
 *
 * And nothing is called but what the server itself brings: a function that takes exactly our
 * arguments, in a schema where others may create it, would else be preferred to a polymorphic one of
 * the server's.
 * https://www.postgresql.org/docs/current/typeconv-func.html
 */
export const planning = `
  SET search_path = pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET jit = off SET plan_cache_mode = force_generic_plan`

/**
 * Lets the commit not wait until it is on disk, nor for a standby: for what the engine notes for
 * itself on the way to a request. Where the server dies, the last moment of it is lost and done
 * again. It goes to disk no later than what depends on it: the settlement is waited for.
 * https://www.postgresql.org/docs/current/wal-async-commit.html
 */
export const withoutFlush = "PERFORM set_config('synchronous_commit', 'off', true);"

/**
 * Equality of two columns at once, in a form that only an index beginning with this very pair can
 * serve. While a table is empty all indexes look equally good to the planner, and one of them would
 * read everything that an endpoint or a tenant ever had.
 */
export function pairEquals(pair: [string, string], values: [string, string]): string {
  const [columns, wanted] = [`(${pair.join(', ')})`, `(${values.join(', ')})`]
  return `${columns} >= ${wanted} AND ${columns} <= ${wanted}`
}

/** A column to be compared in rows that were found otherwise, and never to be found by. */
export function unindexed(column: string): string {
  return `(${column} || '')`
}

/**
 * A query for the next `rest` tenants in turn, as an array: those after \`after\`, and from the
 * first one on again. It jumps from tenant to tenant through an index that begins with
 * `tenant_id`, whatever each of them has waiting.
 *
 * @param rows - Table and condition, as in `FROM … WHERE …`, and the index's column after
 * `tenant_id`.
 */
export function tenantsInTurn(rows: { from: string; where: string; within: string }): string {
  const next = (bounds: string) =>
    `SELECT tenant_id FROM ${rows.from} WHERE ${rows.where} AND ${bounds}
        ORDER BY tenant_id, ${rows.within} LIMIT 1`
  return `
    WITH RECURSIVE later AS (
      (SELECT tenant_id, 1 AS place FROM (${next('tenant_id > after')}) AS first)
      UNION ALL
      SELECT following.tenant_id, later.place + 1 FROM later CROSS JOIN LATERAL (
        ${next('tenant_id > later.tenant_id')}) AS following
      WHERE later.place < rest
    ), earlier AS (
      (SELECT tenant_id, (SELECT count(*) FROM later) + 1 AS place
        FROM (${next('tenant_id <= after')}) AS first
        WHERE (SELECT count(*) FROM later) < rest)
      UNION ALL
      SELECT following.tenant_id, earlier.place + 1 FROM earlier CROSS JOIN LATERAL (
        ${next('tenant_id > earlier.tenant_id AND tenant_id <= after')}) AS following
      WHERE earlier.place < rest
    )
    SELECT array_agg(tenant_id ORDER BY place)
      FROM (SELECT * FROM later UNION ALL SELECT * FROM earlier) AS both_parts`
}
