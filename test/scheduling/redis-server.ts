import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { vi } from 'vitest'

/** A real Redis for tests. */
export interface RedisServer {
  port: number
  /** Forgets everything. */
  flush(): Promise<void>
  /** Ends it at once, with all that it holds. */
  shutDown(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  stop(): Promise<void>
}

const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin']
const program = folders.map((folder) => join(folder, 'redis-server')).find(isExecutable)

/** Whether this machine has what {@link startRedis} starts. */
export const hasRedis = program !== undefined

export const howToInstallRedis = 'redis-server is not installed: apt-get install redis-server'

/** Starts a Redis of its own on a free port of loopback, without files. */
export async function startRedis(): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'redis-'))
  const port = await freePort()
  let ended: Promise<void> = Promise.resolve()
  let end: () => void = () => {}

  async function start(): Promise<void> {
    const server = spawn(
      program ?? '',
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
        ...['--dir', folder, '--maxmemory-policy', 'noeviction'],
      ],
      { stdio: 'ignore' },
    )
    ended = new Promise((resolve) => server.once('exit', () => resolve()))
    end = () => server.kill('SIGKILL')
    await vi.waitFor(() => command('ping'), { timeout: 10_000, interval: 20 })
  }

  async function command(name: string): Promise<void> {
    const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: null })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.call(name)
    } finally {
      client.disconnect()
    }
  }

  async function shutDown(): Promise<void> {
    end()
    await ended
  }

  await start()
  return {
    port,
    flush: () => command('flushall'),
    shutDown,
    start,
    async stop() {
      await shutDown()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
