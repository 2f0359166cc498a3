/**
 * The host services that the engine needs beside storage and network. The engine takes time,
 * randomness and logging only from here, so that a test can run all of it under a virtual clock.
 */

/** Time. The system clock by default; tests pass a virtual one. */
export interface Clock {
  now(): Date
  /**
   * Calls `callback` once, `delayMs` milliseconds from now, unless the returned function is
   * called first. A pending timer keeps the process alive only where `keepAlive` asks for it.
   */
  setTimer(callback: () => void, delayMs: number, options?: { keepAlive?: boolean }): () => void
}

/** Randomness. Cryptographically secure by default; tests pass a seeded source. */
export interface Random {
  /** A number in [0, 1), for jitter. */
  next(): number
  /** `length` random bytes, for ids, lease tokens and secrets. */
  bytes(length: number): Uint8Array
}

/**
 * Where the engine reports what it does. The shape of `pino`; `console` fits as well.
 * Never receives a secret, a signature or a payload.
 */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}
