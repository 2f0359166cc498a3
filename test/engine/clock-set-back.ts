import type { Clock } from '../../src/index.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'

/** A clock that an operator may set back: timers go on, and only what it says changes. */
export function clockSetBack(virtual: VirtualClock): { clock: Clock; setBack(ms: number): void } {
  let backMs = 0
  return {
    clock: {
      now: () => new Date(virtual.now().getTime() - backMs),
      setTimer: (callback, delayMs) => virtual.setTimer(callback, delayMs),
    },
    setBack(ms) {
      backMs += ms
    },
  }
}
