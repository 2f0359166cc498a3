/** One figure in a process of its own. */
import { answerCalls } from '../rpc.ts'
import { type Bench, type MeasureFigure, withReceiver } from './figure.ts'

export type FigureCalls = typeof calls

const calls = {
  async measure({ file, bench }: { file: string; bench: Bench }) {
    const { measure } = (await import(`./${file}.ts`)) as { measure: MeasureFigure }
    return withReceiver((receiver, receiverUrl) =>
      measure({ ...bench, place: { ...bench.place, receiverUrl } }, receiver),
    )
  },
}

answerCalls(calls)
