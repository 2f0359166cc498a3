import type { EndpointRecord, NewDelivery } from '../../storage/storage.ts'
import type { Share } from './slots.ts'

/**
 * Picks the deliveries that the worker which fans their event out sends by itself, before anything
 * of them is stored: as many as it has slots for. Nobody else could take them meanwhile, because the
 * event is under its lease.
 *
 * Only where it comes to the same as a claim: what a claim decides by the state that all processes
 * share (rate limits, pauses, probes) is left to a claim.
 */
export class DirectSends {
  /** The token under which they are stored once they are. */
  readonly leaseToken: string
  readonly #share: Share
  readonly #now: Date
  /** Endpoints that may have more waiting. */
  readonly #passedOver: ReadonlySet<string>
  readonly #taken = new Map<string, number>()
  #left: number

  constructor(
    share: Share,
    { now, leaseToken }: { now: Date; leaseToken: string },
    passedOver: ReadonlySet<string>,
  ) {
    this.leaseToken = leaseToken
    this.#share = share
    this.#now = now
    this.#passedOver = passedOver
    this.#left = share.limit
  }

  /** @returns Whether there is a slot for it, which it then takes. */
  take({ dueAt }: NewDelivery, endpoint: EndpointRecord): boolean {
    const isDue = dueAt !== null && dueAt <= this.#now
    if (!isDue || !isWithoutLimits(endpoint, this.#now)) return false
    return !this.#passedOver.has(endpoint.id) && this.#takeSlot(endpoint.id)
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
function isWithoutLimits(
  { rateLimit, pausedUntil, failedAttempts }: EndpointRecord,
  now: Date,
): boolean {
  const isPaused = pausedUntil !== null && pausedUntil > now
  return rateLimit === null && failedAttempts === 0 && !isPaused
}
