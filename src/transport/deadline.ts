/** A timer that comes so late was held up by this process: it stood still, or had too much to do. */
const lateMs = 1_000

/**
 * Calls `onOver` when the time is over, one turn of the event loop later: timers come before the
 * answers that have arrived while a process stood still.
 *
 * @param onOver - Is told whether this process stood still: then nobody else is to blame.
 * @returns A function that calls it off.
 */
export function setDeadline(atMostMs: number, onOver: (stoodStill: boolean) => void): () => void {
  const dueAt = performance.now() + atMostMs
  let immediate: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    const stoodStill = performance.now() - dueAt > lateMs
    immediate = setImmediate(onOver, stoodStill)
  }, atMostMs)
  return () => {
    clearTimeout(timer)
    clearImmediate(immediate)
  }
}
