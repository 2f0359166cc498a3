import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { Clock, Logger, Random } from './ports.ts'

/** The largest delay that Node's timers keep; beyond it they fire at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Runs a callback outside of whatever set its timer. A worker is woken by an emit and sets its next
 * timer itself: without this, all it ever does would count as part of that one request of the host,
 * for traces as for everything else that is kept by `AsyncLocalStorage`, which could never be freed.
 */
const detached: (callback: () => void) => void = AsyncLocalStorage.snapshot()

/** The process's own time. A delay of 0 means: after the I/O that is ready now. */
export const systemClock: Clock = {
  now: () => new Date(),
  setTimer(callback, delayMs, { keepAlive = false } = {}) {
    if (delayMs <= 0) {
      const immediate = setImmediate(detached, callback)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(detached, Math.min(delayMs, longestTimerMs), callback)
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
