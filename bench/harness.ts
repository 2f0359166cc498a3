import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The receiver process, and what a benchmark asks of it. */
export interface Receiver {
  url: string
  /** Counts from zero; `done` resolves when that many requests have come. */
  expect(count: number): Promise<{ done: Promise<void> }>
  close(): void
}

export async function startReceiver(): Promise<Receiver> {
  const child: ChildProcess = fork(fileURLToPath(new URL('./receiver.ts', import.meta.url)))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    url: `http://127.0.0.1:${port}/`,
    async expect(count) {
      const ready = once(child, 'message')
      child.send({ expect: count })
      await ready
      return { done: once(child, 'message').then(() => {}) }
    },
    close: () => child.disconnect(),
  }
}

/** One measured run. */
export interface Sample {
  perSecond: number
  /** CPU time of the sending process per delivery, in microseconds. */
  cpuMicros: number
}

/** Measures how long `run` takes for `count` deliveries. */
export async function measure(count: number, run: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run()
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: count / seconds, cpuMicros: (user + system) / count }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
