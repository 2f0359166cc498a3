import { WebhooksError } from '../../errors.ts'
import { asText, type Database, repeatedly } from './database.ts'
import { explainFault } from './faults.ts'
import { type LoanedConnection, onLoan, type PostgresPool } from './pool.ts'
import { isForbidden, isReadOnly, readOnly, reasonOf, schemaVersion } from './probe.ts'
import { migrations, migrationsTable } from './schema/migrations.ts'
import { type SchemaNames, schemaNames } from './schema/names.ts'

/**
 * Brings the schema up to date, in one transaction: all of it or nothing. Processes that do so at
 * the same time wait for the first one and find nothing left to do. Where the schema is up to date
 * already, nothing is locked and no right to create anything is needed.
 *
 * @throws WebhooksError `storage_forbidden`, `storage_read_only`, `storage_unreachable`,
 * `storage_full`, `storage_failed`
 */
export async function migrate(pool: PostgresPool, database: Database): Promise<void> {
  const version = await schemaVersion(database)
  if (version !== null && version >= migrations.length) return
  try {
    await repeatedly(() => onLoan(pool, (connection) => runMigrations(connection, database.names)))
  } catch (error) {
    throw explain(error, database)
  }
}

async function runMigrations(connection: LoanedConnection, names: SchemaNames): Promise<void> {
  const { schema, nameLiteral } = names
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  await connection.query(
    `SELECT pg_advisory_xact_lock(hashtextextended('@ainexlayer/webhooks ' || ${nameLiteral}, 0))`,
  )
  const known = await connection.query(
    `SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ${nameLiteral}`,
  )
  // Even with IF NOT EXISTS, this needs a right on the database that our user may not have.
  if (known.rows.length === 0) await connection.query(`CREATE SCHEMA ${schema}`)
  await connection.query(migrationsTable(names))
  const applied = await connection.query({
    text: `SELECT coalesce(max(version), 0) AS version FROM ${schema}.migrations`,
    values: [],
    types: asText,
  })
  const [row] = applied.rows as { version: string }[]
  for (let version = Number(row?.version); version < migrations.length; version += 1) {
    await connection.query(migrationSql(names, version))
  }
  await connection.query('COMMIT')
}

/** What brings the schema from `version` to the one after. */
function migrationSql(names: SchemaNames, version: number): string {
  return `${migrations[version]?.(names) ?? ''}
INSERT INTO ${names.schema}.migrations (version) VALUES (${version + 1});
`
}

function explain(error: unknown, { schema }: Database): WebhooksError {
  if (isReadOnly(error)) return readOnly(error)
  if (!isForbidden(error)) return asError(error)
  return new WebhooksError(
    'storage_forbidden',
    `The pool's user may not create the schema ${schema} or its tables (${reasonOf(error)}). Let ` +
      `an owner of the database run CREATE SCHEMA ${schema} AUTHORIZATION <user>, or run what ` +
      'postgresSchemaSql() prints and pass migrate: false.',
    { cause: error },
  )
}

/** For those who call `migrate()` themselves: nobody else gives the fault a code. */
function asError(error: unknown): WebhooksError {
  const { code, wayOut } = explainFault(error) ?? { code: 'storage_failed', wayOut: '' }
  const what = `The schema could not be brought up to date, and stays as it was: ${reasonOf(error)}`
  return new WebhooksError(code, `${what}. ${wayOut}`.trim(), { cause: error })
}

/** Options of {@link postgresSchemaSql}. */
export interface PostgresSchemaOptions {
  /** The schema's name. Default `webhooks`. */
  schema?: string | undefined
}

/**
 * The whole schema as plain SQL, for teams that run their own migrations: run it as the schema's
 * owner, and pass `migrate: false` to `postgresStorage`.
 *
 * @example
 * writeFileSync('migrations/0042_webhooks.sql', postgresSchemaSql({ schema: 'webhooks' }))
 *
 * @throws WebhooksError `invalid_option`
 */
export function postgresSchemaSql({ schema = 'webhooks' }: PostgresSchemaOptions = {}): string {
  const names = schemaNames(schema)
  const steps = migrations.map((_, version) => migrationSql(names, version))
  return `BEGIN;
CREATE SCHEMA IF NOT EXISTS ${names.schema};
${migrationsTable(names)}${steps.join('')}
-- Where the backend connects as another user than this schema's owner, it needs
-- GRANT USAGE ON SCHEMA ${names.schema} TO backend;
-- GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${names.schema} TO backend;
-- GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${names.schema} TO backend;
-- GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${names.schema} TO backend;
COMMIT;
`
}
