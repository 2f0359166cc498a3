import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { vi } from 'vitest'
import { findProgram } from '../programs.ts'

/** A real MariaDB for tests. */
export interface MariadbServer {
  /** Of a user who may do anything. */
  url: string
  stop(): Promise<void>
}

/** Whether this machine has what {@link startMariadb} starts. */
export const hasMariadb =
  findProgram('mariadbd') !== null && findProgram('mariadb-install-db') !== null

/** Starts a MariaDB of its own: data in a temporary folder, reached over a socket in it. */
export async function startMariadb(): Promise<MariadbServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mariadb-'))
  const data = `--datadir=${join(folder, 'data')}`
  const socket = join(folder, 'socket')
  // The server refuses to run as root unless told to.
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  await promisify(execFile)(findProgram('mariadb-install-db') ?? '', [
    '--no-defaults',
    data,
    ...user,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ])
  const server = spawn(
    findProgram('mariadbd') ?? '',
    [
      '--no-defaults',
      data,
      ...user,
      `--socket=${socket}`,
      '--skip-networking',
      // What is lost when the machine crashes does not matter here, and time does.
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-flush-method=nosync',
      '--innodb-doublewrite=0',
      '--innodb-file-per-table=0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  server.stderr.on('data', (text) => {
    log += text
  })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `mysql://root@localhost/?socketPath=${encodeURIComponent(socket)}`
  await vi.waitFor(
    async () => {
      if (server.exitCode !== null) throw new Error(`MariaDB did not start:\n${log}`)
      await (await createConnection(url)).end()
    },
    { timeout: 30_000, interval: 100 },
  )
  return {
    url,
    async stop() {
      server.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}
