/** One contender in a process of its own, so that the heap of one does not slow the next. */
import { answerCalls } from '../rpc.ts'
import type { Contender, OpenContender, Place } from './contender.ts'

export type ContenderCalls = typeof calls

/** What this process has used since it began. */
export interface Usage {
  cpuMicros: number
  peakMb: number
}

let contender: Contender | null = null

function opened(): Contender {
  if (contender === null) throw new Error('The contender is not open')
  return contender
}

const calls = {
  async open({ file, place }: { file: string; place: Place }) {
    const { open } = (await import(`./${file}.ts`)) as { open: OpenContender }
    contender = await open(place)
  },
  enqueue: ({ count }: { count: number }) => opened().enqueue(count),
  work: () => opened().work(),
  async close() {
    await opened().close()
    contender = null
  },
  async usage(): Promise<Usage> {
    const { user, system } = process.cpuUsage()
    return { cpuMicros: user + system, peakMb: process.resourceUsage().maxRSS / 1024 }
  },
}

answerCalls(calls)
