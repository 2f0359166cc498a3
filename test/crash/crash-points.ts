import { type Ports, surround } from './ports.ts'
import type { CrashConnection, CrashStore } from './stores/store.ts'

/** Where a process dies by its own hand. */
export interface CrashPoint {
  /**
   * A method of the storage or the transport, `transact` for the host's transaction around an
   * emit, or `statement` for any statement that goes through the driver.
   */
  step: CrashStep
  when: 'before' | 'after'
  /** At which call, from 1 on. Calls that brought nothing do not count for `after`. */
  call: number
}

export type CrashStep =
  | 'open'
  | 'insertEvents'
  | 'transact'
  | 'claimEvents'
  | 'listSubscribers'
  | 'fanOut'
  | 'insertDeliveries'
  | 'claimDeliveries'
  | 'send'
  | 'settleDeliveries'
  | 'recordHealth'
  | 'statement'

/** Wraps what a child works with, so that it dies at the point. */
export function dieAt<Parts extends Ports & { connection: CrashConnection }>(
  point: CrashPoint,
  store: CrashStore,
  parts: Parts,
): Parts {
  const { step } = point
  const around = dying(point)
  if (step === 'statement') {
    let calls = 0
    // Heard before and after each statement: half of the calls are the one, half the other.
    store.watchStatements(() => {
      calls += 1
      if (calls === point.call) die()
    })
    return parts
  }
  if (step === 'send') return { ...parts, transport: surround(parts.transport, step, around) }
  if (step === 'transact') {
    return { ...parts, connection: surround(parts.connection, step, around) }
  }
  return { ...parts, storage: surround(parts.storage, step, around) }
}

function dying({ when, call }: CrashPoint) {
  let calls = 0
  return async (run: () => Promise<unknown>): Promise<unknown> => {
    if (when === 'before') {
      calls += 1
      if (calls === call) die()
      return run()
    }
    const result = await run()
    if (!isEmpty(result)) calls += 1
    if (calls === call) die()
    return result
  }
}

/** Whether a claim found nothing. */
function isEmpty(result: unknown): boolean {
  if (Array.isArray(result)) return result.length === 0
  if (typeof result !== 'object' || result === null || !('deliveries' in result)) return false
  return Array.isArray(result.deliveries) && result.deliveries.length === 0
}

/** No handler, no flush, no goodbye. The signal is pending before the call returns. */
function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The kernel ends the thread on its way back from the call; nothing after it may run.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
}
