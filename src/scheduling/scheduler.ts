/**
 * The scheduling contract: who wakes the worker, and when. Storage is the truth about what is
 * due; a wake-up that is lost delays work until the next one, and never loses it.
 */

import type { Clock } from '../ports.ts'

/** What a scheduler drives. */
export interface Work {
  /** The engine's clock: all waiting goes through it. */
  clock: Clock
  /**
   * Starts everything that is due and fits the limits.
   *
   * @returns When something becomes due next, as far as storage knows; `null` if nothing waits.
   */
  run(): Promise<Date | null>
}

/** Wakes the worker of one process. */
export interface Scheduler {
  /** Begins to call `work.run()` whenever something may be due. Calls never overlap. */
  start(work: Work): Promise<void>
  /** Something becomes due at this instant: a hint that may come at any rate. */
  notify(dueAt: Date): void
  /** Calls nothing any more; resolves once a call under way has returned. */
  stop(): Promise<void>
}
