import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'
import type { BenchServer } from './server.ts'

export interface RedisServer extends BenchServer {
  port: number
  version: string
}

/** The system's `redis-server`, without persistence; `null`, said aloud, where there is none. */
export async function startRedis(): Promise<RedisServer | null> {
  const { stdout, error } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  if (error) {
    console.warn('redis-server is missing: what needs it is left out. apt-get install redis-server')
    return null
  }
  const port = await freePort()
  const settings = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child: ChildProcess = spawn('redis-server', settings.map(String), { stdio: 'ignore' })
  // However this process ends.
  const kill = () => void child.kill()
  process.once('exit', kill)
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null })
  // It is asked before it listens, and asked again.
  redis.on('error', () => {})
  await redis.ping()
  return {
    port,
    version: /v=(\S+)/.exec(stdout)?.[1] ?? '',
    pid: child.pid ?? 0,
    settle: async () => {},
    async remove() {
      await redis.flushall()
    },
    async stop() {
      redis.disconnect()
      process.off('exit', kill)
      child.kill()
      await once(child, 'exit')
    },
  }
}
