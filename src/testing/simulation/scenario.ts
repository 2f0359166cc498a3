import type { DisablePolicy } from '../../core/health/endpoint-health.ts'
import type { Limits } from '../../core/settings.ts'
import type { RetryPolicy } from '../../model.ts'
import type { Dice } from './dice.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** How badly a process's calls to the storage go: shares of all calls. */
export interface StorageWeather {
  /** Rejected, half of them after they took effect. */
  faults: number
  /** Answered after up to {@link patienceMs}. */
  slow: number
  /** Answered, or carried out, after longer than leases last. */
  stalls: number
}

/** What one seed is about: the size of its world and which kinds of trouble it knows. */
export interface Scenario {
  processes: number
  tenants: readonly string[]
  /** How long the workload goes on, in virtual time. */
  spanMs: number
  actions: number
  limits: Pick<
    Limits,
    | 'inFlight'
    | 'inFlightPerEndpoint'
    | 'timeoutMs'
    | 'leaseMs'
    | 'stopGraceMs'
    | 'rotationOverlapMs'
    | 'retryAfterMs'
  >
  retry: RetryPolicy
  disable: DisablePolicy | false
  pollMs: number
  storage: StorageWeather
  /** Share of storage and network calls in which a process dies. */
  crashes: number
  /** Clocks differ from true time, and jump, by at most this much. */
  clockErrorMs: number
  /** Whether receivers are ever other than well. */
  sickReceivers: boolean
}

/** A storage call longer than this counts as trouble: leases are made to outlast shorter ones. */
export const patienceMs = second

/** Draws a scenario. Each kind of trouble is left out in half of them, so that its absence shows. */
export function drawScenario(dice: Dice): Scenario {
  const spanMs = dice.pick([minute, 10 * minute, hour, 12 * hour, 72 * hour])
  const timeoutMs = dice.pick([second, 5 * second, 30 * second])
  const retry = {
    delaysMs: dice.pick(schedules),
    jitter: dice.pick([0, 0.2, 1]),
  }
  const retryAfterMs = dice.pick([minute, 24 * hour])
  const longestWaitMs = Math.max(retryAfterMs, ...retry.delaysMs)
  return {
    processes: dice.between(1, 4),
    tenants: ['acme', 'blue', 'coop'].slice(0, dice.between(1, 3)),
    spanMs,
    actions: dice.between(10, 50),
    limits: {
      inFlight: dice.pick([1, 2, 4, 16]),
      inFlightPerEndpoint: dice.pick([1, 2, 8]),
      timeoutMs,
      leaseMs: Math.max(10 * second, timeoutMs + dice.pick([5, 10, 30]) * second),
      stopGraceMs: dice.pick([0, second, 30 * second]),
      rotationOverlapMs: dice.pick([0, minute, hour]),
      retryAfterMs,
    },
    retry,
    disable: dice.chance(0.3)
      ? false
      : { afterMs: dice.pick([minute, hour, 24 * hour]), attempts: dice.between(1, 6) },
    pollMs: Math.max(second, dice.pick([spanMs / 40, spanMs / 10]), longestWaitMs / 300),
    storage: {
      faults: dice.chance(0.5) ? dice.pick([0.01, 0.05, 0.2]) : 0,
      slow: dice.chance(0.5) ? 0.2 : 0,
      stalls: dice.chance(0.3) ? 0.02 : 0,
    },
    crashes: dice.chance(0.5) ? dice.pick([0.003, 0.01]) : 0,
    clockErrorMs: dice.chance(0.5) ? second : 0,
    sickReceivers: dice.chance(0.8),
  }
}

const schedules: readonly (readonly number[])[] = [
  [0],
  [0, 5 * second],
  [0, 5 * second, 5 * minute, 30 * minute, 2 * hour],
  [second, 2 * second, 3 * second, 4 * second, 5 * second, 6 * second],
  [0, minute, hour, 10 * hour],
]

/** The longest that a storage call takes. */
export function longestStallMs({ limits }: Scenario): number {
  return 2 * limits.leaseMs
}
