import type { Limits } from '../settings.ts'
import type { Leases } from './leases.ts'

/** What a claim may take. */
export interface Share {
  limit: number
  perEndpoint: number
  /** Slots taken per endpoint; those an endpoint must leave empty for now count as taken. */
  inFlight: ReadonlyMap<string, number>
}

/** Endpoints whose window is remembered at most; the one that failed longest ago goes first. */
const mostWindows = 1_000

/**
 * Shares out the slots for attempts under way.
 *
 * An endpoint that fails gets a smaller window, halved with each failure down to a single probe,
 * and wins it back one slot per success: a receiver that comes back is not run over.
 */
export class Slots {
  readonly #limits: Limits
  readonly #leases: Leases
  /** Endpoints that may hold less than the cap, and how much. */
  readonly #windows = new Map<string, number>()

  constructor(limits: Limits, leases: Leases) {
    this.#limits = limits
    this.#leases = leases
  }

  /**
   * None while three times as many as there are slots wait to be recorded, which is what one write
   * takes and those for the next: a slow storage is not run over.
   */
  get free(): number {
    const { slotsTaken, size } = this.#leases
    const { inFlight } = this.#limits
    return Math.max(0, Math.min(inFlight - slotsTaken, 4 * inFlight - size))
  }

  /** Whether so few are free that it pays to wait for more. */
  get areFew(): boolean {
    return this.free < this.#limits.inFlight / 4
  }

  share(): Share {
    const perEndpoint = this.#perEndpoint()
    return {
      // As many as an endpoint may hold stay free, so that the rule below holds after the claim
      // as it did before it.
      limit: Math.max(1, this.free - perEndpoint),
      perEndpoint,
      inFlight: this.#taken(perEndpoint),
    }
  }

  /** Endpoints that get nothing before an attempt of theirs ends. */
  endpointsAtCap(): string[] {
    const cap = this.#perEndpoint()
    return [...this.#taken(cap)].filter(([, count]) => count >= cap).map(([id]) => id)
  }

  /** An attempt ended, through the endpoint's own merit or fault. */
  note(endpointId: string, succeeded: boolean): void {
    const window = this.#windows.get(endpointId)
    if (succeeded && window === undefined) return
    const cap = this.#limits.inFlightPerEndpoint
    const changed = succeeded ? (window ?? cap) + 1 : Math.max(1, (window ?? cap) >> 1)
    this.#windows.delete(endpointId)
    if (changed < cap) this.#windows.set(endpointId, changed)
    if (this.#windows.size > mostWindows) {
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest)
        break
      }
    }
  }

  /**
   * How many slots one endpoint may hold at this moment: its cap, but never more than stay free
   * for the others. So however many endpoints hang, the next one still finds a slot.
   */
  #perEndpoint(): number {
    return Math.max(1, Math.min(this.#limits.inFlightPerEndpoint, Math.ceil(this.free / 2)))
  }

  #taken(cap: number): ReadonlyMap<string, number> {
    const held = this.#leases.perEndpoint
    if (this.#windows.size === 0) return held
    const taken = new Map(held)
    for (const [id, window] of this.#windows) {
      if (window < cap) taken.set(id, (held.get(id) ?? 0) + cap - window)
    }
    return taken
  }
}
