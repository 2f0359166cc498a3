import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { EventRegistry } from '../core/events/registry.ts'
import { WebhooksError } from '../errors.ts'
import type { PostgresStorage } from '../storage/postgres/index.ts'
import type { Storage } from '../storage/storage.ts'
import type { Webhooks } from '../webhooks.ts'
import { CliError } from './failure.ts'

export interface DatabaseOptions {
  sqlite?: string
  postgres?: string
  schema: string
}

export function addDatabaseOptions(command: Command): Command {
  return command
    .option('--sqlite <path>', 'an SQLite file')
    .addOption(
      new Option('--postgres <url>', 'a Postgres database; prefer the variable').env(
        'DATABASE_URL',
      ),
    )
    .option('--schema <name>', 'the schema in Postgres', 'webhooks')
}

/** Does something with a database that has our schema, and closes it. */
export async function withWebhooks<Result>(
  options: DatabaseOptions,
  use: (webhooks: Webhooks<EventRegistry>) => Promise<Result>,
): Promise<Result> {
  const { storage, end } = await openStorage(options, { migrate: false })
  const { createWebhooks } = await import('../webhooks.ts')
  const { defineEvents } = await import('../core/events/registry.ts')
  const events: EventRegistry = defineEvents({})
  const webhooks = createWebhooks({ events, storage: storage as Storage })
  try {
    return await use(webhooks)
  } finally {
    await webhooks.stop()
    await end()
  }
}

export interface OpenedStorage {
  storage: Storage<unknown>
  /** Closes what the storage itself leaves to the host. */
  end(): Promise<void>
}

/** @throws CliError `database_missing`; WebhooksError `driver_missing` */
export async function openStorage(
  { sqlite, postgres, schema }: DatabaseOptions,
  { migrate }: { migrate: boolean },
): Promise<OpenedStorage> {
  if (sqlite !== undefined) {
    await importSqlite()
    if (!migrate) await requireSqliteSchema(sqlite)
    const { sqliteStorage } = await import('../storage/sqlite/index.ts')
    return { storage: sqliteStorage({ path: sqlite }) as Storage<unknown>, end: async () => {} }
  }
  if (postgres !== undefined && postgres !== '') return openPostgres(postgres, schema, migrate)
  throw new CliError(
    'database_missing',
    'No database was given: use --sqlite <path>, --postgres <url>, or the variable DATABASE_URL.',
  )
}

async function openPostgres(url: string, schema: string, migrate: boolean): Promise<OpenedStorage> {
  const { postgresStorage } = await import('../storage/postgres/index.ts')
  const { default: pg } = await importPg()
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 10_000 })
  // A connection that breaks while idle is replaced; a statement that needs one says so itself.
  pool.on('error', () => {})
  // Without listening, so that it works behind PgBouncer too. Workers find the work by polling.
  const storage: PostgresStorage = postgresStorage({ pool, schema, listen: false, migrate })
  return { storage: storage as Storage<unknown>, end: () => pool.end() }
}

const importPg = () =>
  importDriver(
    () => import('pg'),
    'The package pg is not installed, and --postgres needs it: npm install pg',
  )

/** An older Node has none, nor has one that was started with `--no-experimental-sqlite`. */
const importSqlite = () =>
  importDriver(
    () => import('node:sqlite'),
    `Node ${process.versions.node} comes without node:sqlite, and --sqlite needs it: use Node 22.13 or later`,
  )

/** @throws WebhooksError `driver_missing` */
async function importDriver<Driver>(load: () => Promise<Driver>, wayOut: string): Promise<Driver> {
  try {
    return await load()
  } catch (cause) {
    throw new WebhooksError('driver_missing', wayOut, { cause })
  }
}

/** To look into a file must neither create it nor put our tables into somebody else's. */
async function requireSqliteSchema(path: string): Promise<void> {
  const missing = (what: string) =>
    new CliError('database_missing', `${what} To make it one: migrate --sqlite ${path}`)
  if (!existsSync(path)) throw missing(`There is no file ${path}.`)
  const { DatabaseSync } = await importSqlite()
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'webhooks_state'"
    if (database.prepare(sql).get() === undefined) throw missing(`${path} is no webhook database.`)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError('database_missing', `${path} is not an SQLite database.`)
  } finally {
    database.close()
  }
}
