import type { Lease } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import type { DirectEvent } from './direct-event.ts'

/** A delivery in this worker's hands. */
export interface HeldLease extends Lease {
  endpointId: string
  /** The event with which it is stored, if it was not when it was taken. */
  direct: DirectEvent | null
  /** Aborted when the lease was lost, or when the worker gives up on the attempt. */
  abort: AbortController
  /** Whether it takes a slot. */
  hasSlot: boolean
}

/**
 * The leases of the deliveries in this worker's hands. Counts those that take a slot, per endpoint,
 * and renews all of them at half time.
 */
export class Leases {
  readonly #context: Context
  readonly #held = new Map<string, HeldLease>()
  #slotsTaken = 0
  readonly #perEndpoint = new Map<string, number>()
  readonly #releaseListeners: (() => void)[] = []
  #cancelTimer: (() => void) | null = null

  constructor(context: Context) {
    this.#context = context
  }

  get size(): number {
    return this.#held.size
  }

  /** How many of them take a slot. */
  get slotsTaken(): number {
    return this.#slotsTaken
  }

  /** How many slots are taken per endpoint. */
  get perEndpoint(): ReadonlyMap<string, number> {
    return this.#perEndpoint
  }

  hold(lease: Omit<HeldLease, 'abort' | 'hasSlot'>): HeldLease {
    // Claimed again by this very worker: the lease of its attempt before has ended.
    this.#held.get(lease.id)?.abort.abort()
    const { id, endpointId, leaseToken, direct } = lease
    const abort = new AbortController()
    const held: HeldLease = { id, endpointId, leaseToken, direct, abort, hasSlot: true }
    this.#held.set(held.id, held)
    this.#count(held.endpointId, 1)
    if (this.#cancelTimer === null) this.#planRenewal()
    return held
  }

  /** Gives its slot away while the lease is still needed, to settle under. */
  freeSlot(held: HeldLease): void {
    if (!held.hasSlot) return
    held.hasSlot = false
    this.#count(held.endpointId, -1)
  }

  drop(held: HeldLease): void {
    if (this.#held.get(held.id) === held) this.#held.delete(held.id)
    this.freeSlot(held)
    if (this.#held.size > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = null
    for (const listener of this.#releaseListeners.splice(0)) listener()
  }

  /** Resolves once none is held any more. */
  async released(): Promise<void> {
    if (this.#held.size === 0) return
    await new Promise<void>((resolve) => this.#releaseListeners.push(resolve))
  }

  /** Aborts every attempt under way. */
  abortAll(): void {
    for (const held of this.#held.values()) held.abort.abort()
  }

  #count(endpointId: string, change: 1 | -1): void {
    this.#slotsTaken += change
    const count = (this.#perEndpoint.get(endpointId) ?? 0) + change
    if (count > 0) this.#perEndpoint.set(endpointId, count)
    else this.#perEndpoint.delete(endpointId)
  }

  /** One after the other by the clock alone: a renewal that hangs shall not hold up the next. */
  #planRenewal(): void {
    const { clock, settings } = this.#context
    this.#cancelTimer = clock.setTimer(() => {
      this.#planRenewal()
      void this.#renew()
    }, settings.limits.leaseMs / 2)
  }

  async #renew(): Promise<void> {
    const { clock, logger, settings, storage } = this.#context
    const all = [...this.#held.values()].filter(({ direct }) => direct === null || direct.isStored)
    try {
      const leaseUntil = new Date(clock.now().getTime() + settings.limits.leaseMs)
      const renewed = new Set(await storage.renewLeases({ leases: all, leaseUntil }))
      // Another worker has taken over: whatever comes of this request, it is not ours to record.
      for (const held of all) if (!renewed.has(held.id)) held.abort.abort()
    } catch (error) {
      // Not fatal: the lease still has half of its time, and the next renewal may work.
      logger.warn({ reason: String(error) }, 'Leases could not be renewed')
    }
  }
}
