/** One soak in a process of its own, which holds nothing else. */
import type { Place } from '../contenders/contender.ts'
import { answerCalls } from '../rpc.ts'
import { soakReal } from './real.ts'
import { soakVirtual } from './virtual.ts'

export type SoakCalls = typeof calls

const calls = {
  real: (given: { place: Place; durationMs: number; perSecond: number }) =>
    soakReal(given.place, given),
  virtual: (given: { place: Place; durationMs: number }) => soakVirtual(given.place, given),
}

answerCalls(calls)
