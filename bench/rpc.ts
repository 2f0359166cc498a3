/** Calls between the bench and its child processes, over the channel that `fork` opens. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

type Calls = Record<string, (params: never) => Promise<unknown>>

interface Question {
  id: number
  name: string
  params: unknown
}
type Answer = { id: number } & ({ result: unknown } | { error: string })

/** A child process that answers calls. */
export interface Peer<Known extends Calls> {
  readonly pid: number
  call<Name extends keyof Known & string>(
    name: Name,
    params: Parameters<Known[Name]>[0],
  ): Promise<Awaited<ReturnType<Known[Name]>>>
  /** The process ends by itself once nobody asks any more. */
  end(): Promise<void>
}

/** Answers calls in a child process, until its parent lets go of it. */
export function answerCalls(calls: Calls): void {
  process.on('message', async ({ id, name, params }: Question) => {
    try {
      const result = await calls[name]?.(params as never)
      process.send?.({ id, result: result ?? null })
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.send?.({ id, error: text })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** @param script - A file beside this one that calls {@link answerCalls}. */
export function startPeer<Known extends Calls>(
  script: string,
  options: { execArgv?: string[] } = {},
): Peer<Known> {
  const child: ChildProcess = fork(fileURLToPath(new URL(script, import.meta.url)), options)
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  let calls = 0
  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(answer.error))
    else caller?.resolve(answer.result as never)
  })
  const ended = new Promise<void>((resolve) => {
    child.on('exit', (code) => {
      for (const { reject } of waiting.values()) reject(new Error(`${script} ended: ${code}`))
      resolve()
    })
  })
  return {
    pid: child.pid ?? 0,
    call(name, params) {
      return new Promise((resolve, reject) => {
        calls += 1
        waiting.set(calls, { resolve, reject })
        child.send({ id: calls, name, params } satisfies Question)
      })
    },
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
