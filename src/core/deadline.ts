import type { Clock } from '../ports.ts'

/**
 * Whether `work` settles in this time. Resolves as soon as it does, or when the time is over.
 *
 * One turn of the event loop more is granted: in a process that stood still, the timer comes before
 * the answer that has long arrived.
 */
export function settlesWithin(
  clock: Clock,
  atMostMs: number,
  work: Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    let cancel = clock.setTimer(
      () => {
        cancel = clock.setTimer(() => resolve(false), 0)
      },
      Math.max(1, atMostMs),
    )
    const settled = () => {
      cancel()
      resolve(true)
    }
    work.then(settled, settled)
  })
}
