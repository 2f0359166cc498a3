import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import type { ContenderCalls } from '../contenders/child.ts'
import { open } from '../contenders/postgres.ts'
import { startPeer } from '../rpc.ts'
import { median } from '../statistics.ts'
import { judge } from '../verdicts.ts'
import type { MeasureFigure } from './figure.ts'

/** From `emit` in one process to the request of another one's worker, with nothing else to do. */
export const measure: MeasureFigure = async ({ place, effort }, receiver) => {
  const worker = startPeer<ContenderCalls>('./contenders/child.ts')
  await worker.call('open', { file: 'postgres', place })
  await worker.call('work', undefined)
  const emitter = await open(place)
  try {
    const times: number[] = []
    for (let n = 0; n < effort.rounds * 30; n++) {
      await sleep(30)
      await receiver.call('expect', { count: 1 })
      const sentAtMs = monotonicMs()
      await emitter.enqueue(1)
      await receiver.call('received', undefined)
      times.push((await receiver.call('count', undefined)).firstAtMs - sentAtMs)
    }
    return [
      judge(
        'from `emit` to arrival, another process, idle Postgres with LISTEN, median',
        { below: 15 },
        median(times.slice(10)),
        { unit: 'ms', digits: 1 },
      ),
    ]
  } finally {
    await emitter.close()
    await worker.call('close', undefined)
    await worker.end()
  }
}
