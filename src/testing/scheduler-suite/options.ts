import type { Scheduler } from '../../scheduling/scheduler.ts'
import type { RunnerOptions } from '../conformance/recorder.ts'

/** One scheduler for one test, and what belongs to it. */
export interface SchedulerFixture {
  /** Not yet started: the suite calls `start`, if it needs it, and `stop`. */
  scheduler: Scheduler
  /**
   * Another scheduler for the same work, as another process would have it; not yet started. Needs
   * the capability `shared`.
   */
  another?(): Scheduler
  /** Makes the broker forget every wake-up that it holds. Needs the capability `broker`. */
  forget?(): Promise<void>
  /** Makes the broker unreachable for the schedulers. Needs the capability `broker`. */
  cut?(): Promise<void>
  /** Lets it be reached again. Needs the capability `broker`. */
  mend?(): Promise<void>
  /** Clears away what is left; called last, when every scheduler has stopped. */
  close(): Promise<void> | void
}

/** What a test asks of its fixture. */
export interface SchedulerWishes {
  /**
   * The longest time that the scheduler, and others made by the fixture, may let pass without a
   * run, in milliseconds. Some tests wait for it, so it must be an option of the scheduler.
   */
  longestSleepMs: number
}

/**
 * What a scheduler can do beyond the contract's core. Tests that need what is absent are not run,
 * and the report says so.
 */
export interface SchedulerCapabilities {
  /**
   * It waits through `work.clock` alone, so that the suite can move a clock of its own and hold it
   * to the millisecond. Default: `false`; the suite then waits in real time.
   */
  virtualClock?: boolean
  /**
   * The fixture has `another`: what one process is told of wakes others. Default: `false`; work
   * that one process adds is then found by others when they look.
   */
  shared?: boolean
  /**
   * The fixture has `forget`, `cut` and `mend`: wake-ups pass through a service that can fail.
   * Default: `false`.
   */
  broker?: boolean
}

/** What {@link testScheduler} needs. */
export interface SchedulerSuiteOptions extends RunnerOptions {
  /** Makes a scheduler; called once for each test. */
  createScheduler: (wishes: SchedulerWishes) => SchedulerFixture | Promise<SchedulerFixture>
  capabilities?: SchedulerCapabilities
  /**
   * How far ahead the suite plans runs, in milliseconds. Default: 500; real time is spent on it.
   */
  delayMs?: number
  /**
   * How late a run may be, in milliseconds, before it counts as missing; waiting ends as soon as the
   * run is there. Default: 10,000, for a loaded machine is slow; with `virtualClock` 0.
   */
  latenessMs?: number
}
