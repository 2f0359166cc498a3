import type { BacklogReader } from '../core/backlog-reader.ts'
import type { Context } from '../core/context.ts'
import type { Engine, WorkerState } from '../core/engine.ts'
import type { BacklogRecord, WaitingRecord } from '../storage/storage.ts'

/** What `health` takes. */
export interface HealthOptions {
  /**
   * How long the storage may take to answer, in milliseconds. Default 800: below the second after
   * which Kubernetes gives a probe up.
   */
  timeoutMs?: number | undefined
}

/** How an instance is. */
export interface Health {
  /** Whether it can do its work: the storage answers in time, and `stop` was not called. */
  ok: boolean
  storage: {
    ok: boolean
    /** How long it took to answer, or until it was given up. */
    durationMs: number
    /** Why it is not well, in words: for your log, not for strangers. `null` if it is. */
    error: string | null
  }
  /** What the worker of this process does. One that was not started may be well: it only emits. */
  worker: {
    state: WorkerState
    /** Attempts under way. */
    inFlight: number
  }
  /** What waits, over all tenants, up to 5 seconds old; `null` if that was not known in time. */
  backlog: {
    /** Events before their fan-out. More than a few for more than a minute: nobody delivers. */
    events: number
    /** Age of the oldest of them in milliseconds; `null` if none waits. */
    oldestEventMs: number | null
    /** Pending deliveries, those between two attempts included. */
    deliveries: number
    /** Age of the oldest of them in milliseconds; `null` if none waits. */
    oldestPendingMs: number | null
  } | null
  checkedAt: Date
}

/** Reads an instance's health: resolves within `timeoutMs`, and never throws. */
export type ReadHealth = (options?: HealthOptions) => Promise<Health>

const defaultTimeoutMs = 800

/** Builds {@link ReadHealth} over an instance. */
export function createHealth(
  context: Context,
  { engine, backlog }: { engine: Engine; backlog: BacklogReader },
): ReadHealth {
  const { clock, storage } = context
  return async ({ timeoutMs = defaultTimeoutMs } = {}) => {
    const startedAt = clock.now()
    const elapsed = timer(context, timeoutMs)
    // The cheapest question that the storage cannot answer without its tables.
    const asked = storage.nextDueAt({ exclude: [] }).then(() => null, reasonOf)
    const read = backlog.read().catch(() => null)
    const late = `The storage did not answer within ${timeoutMs} ms`
    const error = await Promise.race([asked, elapsed.then(() => late)])
    const durationMs = clock.now().getTime() - startedAt.getTime()
    const record = error === null ? await Promise.race([read, elapsed.then(() => null)]) : null
    elapsed.cancel()
    return {
      ok: error === null && !engine.isStopping,
      storage: { ok: error === null, durationMs, error },
      worker: { state: engine.workerState, inFlight: engine.inFlight },
      backlog: record && figuresOf(record, clock.now()),
      checkedAt: startedAt,
    }
  }
}

function timer({ clock }: Context, delayMs: number): Promise<void> & { cancel(): void } {
  let cancel = () => {}
  const elapsed = new Promise<void>((resolve) => {
    // A delay of zero would be no delay: whatever is asked for, the storage gets a chance.
    cancel = clock.setTimer(resolve, Math.max(1, delayMs || 0))
  })
  return Object.assign(elapsed, { cancel })
}

function figuresOf({ events, deliveries }: BacklogRecord, now: Date): Health['backlog'] {
  return {
    events: events.count,
    oldestEventMs: ageOf(events, now),
    deliveries: deliveries.count,
    oldestPendingMs: ageOf(deliveries, now),
  }
}

function ageOf({ oldestAt }: WaitingRecord, now: Date): number | null {
  return oldestAt && Math.max(0, now.getTime() - oldestAt.getTime())
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
