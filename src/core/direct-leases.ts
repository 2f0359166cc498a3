import type { EndpointRecord, NewDelivery } from '../storage/storage.ts'
import type { Share } from './slots.ts'

/**
 * Leases deliveries as they are added, as far as the worker that fans their events out has slots
 * for them: what nobody else could take meanwhile need not be claimed.
 *
 * Only where it comes to the same as a claim: what a claim decides by the state that all processes
 * share (rate limits, pauses, probes) is left to a claim.
 */
export class DirectLeases {
  /** When they began. */
  readonly since: Date
  readonly #share: Share
  readonly #lease: { leaseToken: string; leaseUntil: Date }
  /** Endpoints that may have more waiting. */
  readonly #passedOver: ReadonlySet<string>
  readonly #taken = new Map<string, number>()
  #left: number

  constructor(
    share: Share,
    { since, ...lease }: { since: Date; leaseToken: string; leaseUntil: Date },
    passedOver: ReadonlySet<string>,
  ) {
    this.since = since
    this.#share = share
    this.#lease = lease
    this.#passedOver = passedOver
    this.#left = share.limit
  }

  /** @returns The delivery, under a lease if there is a slot for it. */
  lease(delivery: NewDelivery, endpoint: EndpointRecord): NewDelivery {
    const isDue = delivery.dueAt !== null && delivery.dueAt <= this.since
    if (!isDue || !isWithoutLimits(endpoint, this.since)) return delivery
    if (this.#passedOver.has(endpoint.id) || !this.#takeSlot(endpoint.id)) return delivery
    const { leaseToken, leaseUntil } = this.#lease
    return { ...delivery, leaseToken, dueAt: leaseUntil }
  }

  #takeSlot(endpointId: string): boolean {
    const { inFlight, perEndpoint } = this.#share
    const taken = this.#taken.get(endpointId) ?? inFlight.get(endpointId) ?? 0
    if (this.#left === 0 || taken >= perEndpoint) return false
    this.#taken.set(endpointId, taken + 1)
    this.#left -= 1
    return true
  }
}

/** Whether only the slots of a worker decide what an endpoint gets. */
export function isWithoutLimits(
  { rateLimit, pausedUntil, failedAttempts }: EndpointRecord,
  now: Date,
): boolean {
  const isPaused = pausedUntil !== null && pausedUntil > now
  return rateLimit === null && failedAttempts === 0 && !isPaused
}
