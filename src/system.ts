import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes, randomFillSync } from 'node:crypto'
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
  bytes: drawBytes,
}

/** Drawn ahead: one draw costs as much as thousands of bytes do, and ids are made all the time. */
const pool = Buffer.alloc(4_096)
let used = pool.length

function drawBytes(length: number): Uint8Array {
  if (length > pool.length / 16) return randomBytes(length)
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Uint8Array.from(pool.subarray(used, used + length))
  // What was handed out may be a secret, and shall be nowhere else.
  pool.fill(0, used, used + length)
  used += length
  return bytes
}

/** Warnings and errors to the console; everything else nowhere. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (details, message) => console.warn(`[webhooks] ${message}`, details),
  error: (details, message) => console.error(`[webhooks] ${message}`, details),
}
