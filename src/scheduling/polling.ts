import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import { RunLoop } from './run-loop.ts'
import type { Scheduler } from './scheduler.ts'

/** Options of {@link pollingScheduler}. */
export interface PollingSchedulerOptions {
  /**
   * The longest sleep in milliseconds. It bounds how late work is found that another process
   * added, or that a transaction committed. Default 1,000.
   */
  intervalMs?: number
}

/**
 * Wakes the worker by the clock: sleeps until the next due time, at most `intervalMs`, and is
 * woken earlier by what this process itself adds.
 *
 * @throws WebhooksError `invalid_option` for an interval below 1 ms.
 */
export function pollingScheduler(options: PollingSchedulerOptions = {}): Scheduler {
  const { intervalMs = 1_000 } = checkOptions('pollingScheduler', options, ['intervalMs'])
  if (!Number.isFinite(intervalMs) || intervalMs < 1) {
    throw new WebhooksError('invalid_option', 'intervalMs must be at least 1 millisecond')
  }
  const loop = new RunLoop(intervalMs)
  return {
    async start(work) {
      loop.start(work)
    },
    notify: (dueAt) => loop.planAt(dueAt.getTime()),
    stop: () => loop.stop(),
  }
}
