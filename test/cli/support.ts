import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

export const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
if (!existsSync(cli)) throw new Error('These tests run the built command line: npm run build')

export const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
export const otherSecret = 'whsec_EyACfgpfMoABCwthxrpj+X4IdNLl6OnW1JDazODE4rI='

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string | Buffer
  env?: Record<string, string>
}

/** An environment with nothing of the developer's own in it. */
function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, WEBHOOK_SECRET: secret, ...env }
}

/** Runs the built command line as a user would. */
export async function run(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, ['--no-warnings', cli, ...args], {
    env: environment(options.env ?? {}),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // Commands that read no input may be gone before it is written.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { code: code as number, stdout, stderr }
}

/** Runs `listen`, and waits until it does. */
export async function listen(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ url: string; stop(): Promise<Outcome> }> {
  const child: ChildProcess = spawn(process.execPath, [cli, 'listen', '--port', '0', ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(stderr) ?? []
      if (address !== undefined) resolve(address)
    })
    child.once('exit', () => reject(new Error(stderr)))
  })
  return {
    url: `${url}/hooks`,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGINT')
        await once(child, 'close')
      }
      return { code: child.exitCode ?? -1, stdout, stderr }
    },
  }
}

/** A folder for the files of one test file. */
export function scratch(): {
  path(name: string): string
  write(name: string, text: string): string
} {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const path = (name: string) => join(folder, name)
  return {
    path,
    write(name, content) {
      writeFileSync(path(name), content)
      return path(name)
    },
  }
}
