import type { Place } from '../contenders/contender.ts'
import type { Effort } from '../options.ts'
import type { ReceiverCalls } from '../receiver.ts'
import { type Peer, startPeer } from '../rpc.ts'
import type { Verdict } from '../verdicts.ts'

/** What a figure is measured with. */
export interface Bench {
  /** With a receiver of the figure's own. */
  place: Place
  effort: Effort
  /** Of the Postgres server. */
  postgresPid: number
}

/** Measures one or more figures, in a process of its own. */
export type MeasureFigure = (bench: Bench, receiver: Peer<ReceiverCalls>) => Promise<Verdict[]>

export async function withReceiver<Result>(
  use: (receiver: Peer<ReceiverCalls>, url: string) => Promise<Result>,
): Promise<Result> {
  const receiver = startPeer<ReceiverCalls>('./receiver.ts')
  try {
    const { url } = await receiver.call('listen', undefined)
    return await use(receiver, url)
  } finally {
    await receiver.end()
  }
}
