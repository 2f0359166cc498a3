import { randomBytes } from 'node:crypto'
import type { Clock, Logger, Random } from './ports.ts'

/** The largest delay that Node's timers keep; beyond it they fire at once. */
const longestTimerMs = 2 ** 31 - 1

/** The process's own time. A delay of 0 means: after the I/O that is ready now. */
export const systemClock: Clock = {
  now: () => new Date(),
  setTimer(callback, delayMs, { keepAlive = false } = {}) {
    if (delayMs <= 0) {
      const immediate = setImmediate(callback)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(callback, Math.min(delayMs, longestTimerMs))
    if (!keepAlive) timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Cryptographically secure randomness for bytes; `Math.random` where only spread matters. */
export const systemRandom: Random = {
  next: Math.random,
  bytes: (length) => randomBytes(length),
}

/** Warnings and errors to the console; everything else nowhere. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (details, message) => console.warn(`[webhooks] ${message}`, details),
  error: (details, message) => console.error(`[webhooks] ${message}`, details),
}
