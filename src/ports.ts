/**
 * The host services that the engine needs beside storage and network. The engine takes time,
 * randomness and logging only from here, so that a test can run all of it under a virtual clock.
 */

import type { Notifier } from './core/notifications.ts'
import type { Attempt } from './model.ts'
import type { BacklogRecord } from './storage/storage.ts'

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

/** What is told of an attempt before it is made. */
export interface AttemptFacts {
  tenantId: string
  eventId: string
  eventType: string
  /** When the event was emitted. */
  emittedAt: Date
  /** What {@link Telemetry.emit} handed over when the event was emitted; `null` for nothing. */
  traceparent: string | null
  deliveryId: string
  endpointId: string
  /** 1 for the first attempt of the delivery. */
  number: number
  url: string
}

/** What an instance offers to whoever measures it. */
export interface Measured {
  now(): Date
  /** As `webhooks.on`. */
  on: Notifier['on']
  /**
   * What waits, over all tenants, at most some seconds old; `null` in an instance that does not
   * deliver, or where the storage does not answer.
   */
  backlog(): Promise<BacklogRecord | null>
}

/**
 * Follows what the engine does, for traces and metrics: see `@ainexlayer/webhooks/opentelemetry`.
 * Its methods are on the way of every event, so they shall be quick and never throw by themselves.
 */
export interface Telemetry {
  /**
   * Goes round an emit: calls `run` once, in whatever context it makes, and passes on what comes of
   * it. `types` has one name per event; `traceparent` is stored with the events and comes back with
   * each of their attempts.
   */
  emit<Result>(
    types: readonly string[],
    run: (traceparent: string | null) => Promise<Result>,
  ): Promise<Result>
  /** Goes round an attempt, in the same way. `headers` are sent along (lower-case names). */
  attempt(
    facts: AttemptFacts,
    run: (headers: Record<string, string>) => Promise<Attempt>,
  ): Promise<Attempt>
  /** A call of the storage failed; also one that is repeated. `method` is the contract's name. */
  storageFault(method: string): void
  /** An instance begins. @returns What ends it, called by `stop`. */
  begin(instance: Measured): () => void
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
