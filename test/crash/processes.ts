import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildTask } from './child.ts'
import type { ReceiverEndpoint, ReceiverMessage, ReceiverTask } from './receiver.ts'

/** Starts a program of this folder; a process compiles in half the time what another one did. */
function start(program: string, environment: Record<string, string>): ChildProcess {
  return fork(fileURLToPath(new URL(program, import.meta.url)), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), 'webhooks-crash-compiled'),
      ...environment,
    },
  })
}

/** How a process ended. */
export interface Ending {
  code: number | null
  signal: string | null
  /** The end of what it wrote to its standard error. */
  words: string
}

/** One child process, from its start to its end. */
export class Child {
  readonly name: string
  readonly ended: Promise<Ending>
  readonly #process: ChildProcess
  #words = ''
  #ending: Ending | null = null

  constructor(task: ChildTask) {
    this.name = task.name
    this.#process = start('./child.ts', { CRASH_CHILD: JSON.stringify(task) })
    this.#process.stderr?.on('data', (words) => {
      this.#words = `${this.#words}${words}`.slice(-2_000)
    })
    this.ended = once(this.#process, 'close').then(([code, signal]) => {
      this.#ending = { code, signal, words: this.#words }
      return this.#ending
    })
  }

  get isAlive(): boolean {
    return this.#ending === null && this.#process.signalCode === null
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** Asks it to finish what it does. */
  stop(): void {
    // It may have died a moment ago, which is for `ended` to tell.
    if (this.#process.connected) this.#process.send('stop', () => {})
  }
}

/** The receiver process. */
export class Receiver {
  readonly origin: string
  /** By URL: how many requests have come, and when the last of them was told. */
  readonly #traffic = new Map<string, { count: number; heardAt: number }>()
  readonly #adding: (() => void)[] = []
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, origin: string) {
    this.#process = process
    this.origin = origin
    process.on('message', (message: ReceiverMessage) => {
      if (message.type === 'received') this.#hear(message.counts)
      // Answered in the order in which it was told.
      if (message.type === 'added') this.#adding.shift()?.()
    })
  }

  static async start(task: ReceiverTask): Promise<Receiver> {
    const process = start('./receiver.ts', { CRASH_RECEIVER: JSON.stringify(task) })
    process.stderr?.on('data', (words) => console.error(String(words)))
    const [message] = (await once(process, 'message')) as [ReceiverMessage]
    if (message.type !== 'listening') throw new Error('The receiver did not start')
    return new Receiver(process, message.origin)
  }

  /** How many requests have come to these URLs, and when the last one did. */
  traffic(urls: string[]): { count: number; heardAt: number } {
    const heard = urls.map((url) => this.#traffic.get(url) ?? { count: 0, heardAt: 0 })
    return {
      count: heard.reduce((sum, { count }) => sum + count, 0),
      heardAt: Math.max(0, ...heard.map(({ heardAt }) => heardAt)),
    }
  }

  #hear(counts: Record<string, number>): void {
    for (const [url, more] of Object.entries(counts)) {
      const count = (this.#traffic.get(url)?.count ?? 0) + more
      this.#traffic.set(url, { count, heardAt: Date.now() })
    }
  }

  /** Tells it the secrets; resolves once it knows them. */
  async add(endpoints: ReceiverEndpoint[]): Promise<void> {
    const added = new Promise<void>((resolve) => this.#adding.push(resolve))
    this.#process.send(endpoints)
    await added
  }

  async close(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
  }
}
