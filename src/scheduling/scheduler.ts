/**
 * The scheduling contract: who wakes the worker, and when. Storage is the truth about what is
 * due; a wake-up that is lost delays work until the next one, and never loses it. So every
 * scheduler calls `run` by itself from time to time, however little it is told.
 */

import type { Clock, Logger } from '../ports.ts'

/** What a scheduler may use of its host. */
export interface SchedulerHost {
  /** The engine's clock: all waiting goes through it, except what a broker does. */
  clock: Clock
  /** Where a scheduler reports what it has nobody to throw to, such as a broker that is down. */
  logger: Logger
}

/** What a scheduler drives. */
export interface Work extends SchedulerHost {
  /**
   * Whether this process holds as much work as it may. `run` then starts nothing and returns
   * `null`, although more may be due: another process could take it.
   */
  readonly isFull: boolean
  /**
   * Starts everything that is due and fits the limits. It never rejects.
   *
   * @returns When something becomes due next, as far as storage knows, or an instant that has
   * passed if it should be called again at once; `null` if nothing waits, or if `notify` will tell.
   */
  run(): Promise<Date | null>
}

/** Wakes the worker of one process. */
export interface Scheduler {
  /** Called once, before everything else, by every host: also by one that only emits. */
  attach?(host: SchedulerHost): void
  /**
   * Begins to call `work.run()` whenever something may be due, and soon for the first time. Calls
   * never overlap. Called once at most; a process that only emits never calls it.
   */
  start(work: Work): Promise<void>
  /**
   * Something becomes due at this instant: a hint that may come at any rate and at any time, also
   * without `start` and after `stop`. Neither throws nor waits.
   *
   * @param reach - `'here'`: only this process can make use of it (one of its slots has become
   * free, or its storage told it of work), so nobody else need be woken. Default `'anywhere'`.
   */
  notify(dueAt: Date, reach?: 'here' | 'anywhere'): void
  /**
   * Calls nothing any more; resolves once a call under way has returned. Final; may come without
   * `start`.
   */
  stop(): Promise<void>
}
