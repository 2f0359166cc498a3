import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { vi } from 'vitest'
import { findProgram } from '../programs.ts'
import { freePort } from './postgres-server.ts'

/** A real PgBouncer before a server. */
export interface PgBouncer {
  connectionString: string
  stop(): Promise<void>
}

/** Whether this machine has what {@link startPgBouncer} starts. */
export const hasPgBouncer = findProgram('pgbouncer') !== null

/**
 * Starts a PgBouncer of its own, as https://www.pgbouncer.org/config.html says. In transaction mode
 * it has fewer connections to the server than its clients have to it.
 */
export async function startPgBouncer(
  connectionString: string,
  mode: 'transaction' | 'session',
): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(connectionString)
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-pgbouncer-'))
  // It refuses to run as root, and runs as a user then who reads here.
  chmodSync(folder, 0o755)
  const ownPort = await freePort()
  const database = `host=${hostname} port=${port} user=${username} password=${password}`
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]
* = ${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${mode === 'session' ? 50 : 4}
max_client_conn = 500
`,
  )
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const bouncer = spawn(
    findProgram('pgbouncer') ?? '',
    [...asUser, join(folder, 'pgbouncer.ini')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const url = new URL(connectionString)
  Object.assign(url, { hostname: '127.0.0.1', port: String(ownPort), pathname })
  await reachable(url.toString(), bouncer)
  return {
    connectionString: url.toString(),
    async stop() {
      const ended = once(bouncer, 'exit')
      bouncer.kill('SIGINT')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

async function reachable(connectionString: string, bouncer: ChildProcess): Promise<void> {
  let log = ''
  bouncer.stderr?.on('data', (text) => {
    log += text
  })
  await vi.waitFor(
    async () => {
      if (bouncer.exitCode !== null) throw new Error(`PgBouncer did not start:\n${log}`)
      const client = new pg.Client({ connectionString })
      await client.connect()
      await client.end()
    },
    { timeout: 20_000, interval: 50 },
  )
}
