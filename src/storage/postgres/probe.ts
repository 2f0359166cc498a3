import { WebhooksError } from '../../errors.ts'
import type { Database } from './database.ts'
import { codeOf } from './faults.ts'
import { migrations } from './schema/migrations.ts'

/** The oldest server that is tested: 13, as `server_version_num` says it. */
const oldestServer = 130_000

interface ServerRow {
  version: string
  version_num: string
  encoding: string
  isolation: string
  read_only: string
}

/**
 * Asks the server whether we can work on it.
 *
 * @throws WebhooksError `storage_unreachable`, `storage_unsupported`, `storage_read_only`
 */
export async function checkServer(database: Database): Promise<void> {
  const server = await askServer(database)
  if (Number(server.version_num) < oldestServer) {
    throw unsupported(
      `Postgres ${server.version} is too old: 13 is the oldest that works. Upgrade the server.`,
    )
  }
  if (server.encoding !== 'UTF8') {
    throw unsupported(
      `The database is encoded in ${server.encoding} and cannot hold every payload. Use one that ` +
        "was created with ENCODING 'UTF8'.",
    )
  }
  if (server.isolation !== 'read committed') {
    throw unsupported(
      `Transactions of this pool are "${server.isolation}" by default, and claims need "read ` +
        'committed". Give the storage a pool of its own with ' +
        "options: '-c default_transaction_isolation=read\\\\ committed'.",
    )
  }
  if (server.read_only === 't') throw readOnly()
}

async function askServer(database: Database): Promise<ServerRow> {
  try {
    const [row] = await database.query<ServerRow>(
      `SELECT current_setting('server_version') AS version,
        current_setting('server_version_num') AS version_num,
        current_setting('server_encoding') AS encoding,
        current_setting('default_transaction_isolation') AS isolation,
        pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only`,
    )
    if (row !== undefined) return row
    throw new Error('the server gave no answer')
  } catch (error) {
    throw new WebhooksError(
      'storage_unreachable',
      `Postgres cannot be reached through the pool: ${reasonOf(error)}. Check its host, port, ` +
        'user, password and database, and whether it has a free connection.',
      { cause: error },
    )
  }
}

/** The schema's version, or `null` where there is none of ours. */
export async function schemaVersion(database: Database): Promise<number | null> {
  const [table] = await database.query(
    `SELECT 1 FROM pg_catalog.pg_class AS class
      JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE namespace.nspname = ${database.names.nameLiteral} AND class.relname = 'migrations'`,
  )
  if (table === undefined) return null
  try {
    const [row] = await database.query<{ version: string }>(
      `SELECT coalesce(max(version), 0) AS version FROM ${database.schema}.migrations`,
    )
    return Number(row?.version)
  } catch (error) {
    throw isForbidden(error) ? missingRights(database, ['migrations'], error) : error
  }
}

/**
 * A schema that is newer than we are is fine: a release of this library that is being rolled out
 * has brought it there.
 *
 * @throws WebhooksError `storage_outdated`
 */
export function checkVersion(database: Database, version: number | null): void {
  if (version !== null && version >= migrations.length) return
  const { schema } = database
  throw new WebhooksError(
    'storage_outdated',
    version === null
      ? `The schema ${schema} has no tables of ours. Let open() create them (migrate: true), call ` +
          'migrate() in your deploy, or run what postgresSchemaSql() prints.'
      : `The schema ${schema} is at version ${version} and this release needs ` +
          `${migrations.length}. Call migrate() in your deploy, or run what postgresSchemaSql() ` +
          'prints for the versions between.',
  )
}

/** @throws WebhooksError `storage_forbidden` */
export async function checkRights(database: Database): Promise<void> {
  const rows = await database.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_catalog.pg_namespace
        WHERE nspname = ${database.names.nameLiteral} AND NOT has_schema_privilege(oid, 'USAGE')
      UNION ALL
      SELECT relname FROM pg_catalog.pg_class
        WHERE relnamespace = (
            SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ${database.names.nameLiteral})
          AND CASE relkind
            WHEN 'r' THEN relname <> 'migrations' AND NOT (
              has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
              AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
            WHEN 'S' THEN NOT (
              has_sequence_privilege(oid, 'USAGE') AND has_sequence_privilege(oid, 'SELECT'))
            ELSE false END
      UNION ALL
      SELECT proname FROM pg_catalog.pg_proc
        WHERE pronamespace = (
            SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ${database.names.nameLiteral})
          AND NOT has_function_privilege(oid, 'EXECUTE')`,
  )
  if (rows.length > 0) {
    throw missingRights(
      database,
      rows.map(({ name }) => name),
    )
  }
}

function missingRights({ schema }: Database, names: string[], cause?: unknown): WebhooksError {
  return new WebhooksError(
    'storage_forbidden',
    `The pool's user lacks rights on ${names.join(', ')} in the schema ${schema}. As its owner, run ` +
      `GRANT USAGE ON SCHEMA ${schema} TO <user>; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL ` +
      `TABLES IN SCHEMA ${schema} TO <user>; GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ` +
      `${schema} TO <user>; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO <user>;`,
    { cause },
  )
}

/** 42501: insufficient_privilege. */
export function isForbidden(error: unknown): boolean {
  return codeOf(error) === '42501'
}

/** 25006: read_only_sql_transaction. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === '25006'
}

export function readOnly(cause?: unknown): WebhooksError {
  return new WebhooksError(
    'storage_read_only',
    'The server takes no writes: it is a replica, or its transactions are read-only by default. ' +
      'Give the storage a pool on the primary.',
    { cause },
  )
}

export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

function unsupported(message: string): WebhooksError {
  return new WebhooksError('storage_unsupported', message)
}
