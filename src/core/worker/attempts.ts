import type { DeliveryRecord, EndpointRecord, EventRecord } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { cancelDelivery } from './cancel-delivery.ts'
import type { DirectEvent } from './direct-event.ts'
import type { Dispatcher, Job } from './dispatcher.ts'
import type { HeldLease, Leases } from './leases.ts'
import { decideOutcome, type Ended } from './outcome.ts'
import type { Recorder } from './recorder.ts'
import type { Settler } from './settler.ts'
import type { Slots } from './slots.ts'

/** A leased delivery with what the storage has of its event and its endpoint. */
export interface Found {
  delivery: DeliveryRecord
  event: EventRecord | undefined
  endpoint: EndpointRecord | undefined
}

/** What makes an attempt and takes note of it. */
export interface AttemptParts {
  dispatcher: Dispatcher
  settler: Settler
  recorder: Recorder
}

/** Carries out what a worker has leased: an attempt of each, from its slot to its record. */
export class Attempts {
  readonly #context: Context
  readonly #dispatcher: Dispatcher
  readonly #settler: Settler
  readonly #recorder: Recorder
  readonly #leases: Leases
  readonly #slots: Slots
  /** Is called when a slot that this endpoint had has become free, and once more at the record. */
  readonly #onFree: (endpointId: string) => void

  constructor(
    context: Context,
    { dispatcher, settler, recorder }: AttemptParts,
    worker: { leases: Leases; slots: Slots; onFree: (endpointId: string) => void },
  ) {
    this.#context = context
    this.#dispatcher = dispatcher
    this.#settler = settler
    this.#recorder = recorder
    this.#leases = worker.leases
    this.#slots = worker.slots
    this.#onFree = worker.onFree
  }

  /**
   * Takes a slot for a delivery and makes an attempt of it.
   *
   * @param direct - The event it is stored with, if it is not yet.
   */
  begin(found: Found, direct: DirectEvent | null): void {
    const { id, endpointId, leaseToken } = found.delivery
    const held = this.#leases.hold({ id, endpointId, leaseToken: leaseToken ?? '', direct })
    void this.#process(held, found)
  }

  /** Never rejects. */
  async #process(held: HeldLease, found: Found): Promise<void> {
    const ended = await this.#attempt(held, found).catch((error) => this.#report(held, error))
    void this.#settle(held, ended)
    if (!ended?.outcome.settlement.attempt.succeeded) return
    // Nothing follows from it for its endpoint: the slot need not wait until it is recorded.
    this.#leases.freeSlot(held)
    this.#onFree(held.endpointId)
  }

  /** @returns `null` where there is nothing to settle. */
  async #attempt(held: HeldLease, { delivery, event, endpoint }: Found): Promise<Ended | null> {
    if (endpoint === undefined || !endpoint.active) {
      const reason = endpoint ? 'endpoint_disabled' : 'endpoint_deleted'
      await cancelDelivery(this.#context, delivery, reason)
      // No attempt is under way that would have to be recorded under it.
      await this.#release(held)
      return null
    }
    if (event === undefined) throw new Error(`Event ${delivery.eventId} is missing in the storage`)
    const job: Job = { delivery, event, endpoint }
    const attempt = await this.#dispatcher.attempt(job, held.abort.signal)
    if (attempt.error?.code === 'aborted') {
      await this.#handBack(held)
      return null
    }
    const { settings, random, clock } = this.#context
    if (attempt.error?.origin !== 'sender') this.#slots.note(endpoint.id, attempt.succeeded)
    return { job, outcome: decideOutcome(job, attempt, { settings, random, now: clock.now() }) }
  }

  /** Never rejects. */
  async #settle(held: HeldLease, ended: Ended | null): Promise<void> {
    try {
      if (ended !== null) await this.#record(held, ended)
    } catch (error) {
      this.#report(held, error)
    } finally {
      this.#leases.drop(held)
      this.#onFree(held.endpointId)
    }
  }

  async #record({ direct }: HeldLease, ended: Ended): Promise<void> {
    const isWithEvent = direct?.end(ended) ?? false
    if (direct !== null) await this.#recorder.record(direct)
    if (!isWithEvent) await this.#settler.settle(ended)
  }

  /** Not an attempt: due as if nobody had taken it. */
  async #handBack(held: HeldLease): Promise<void> {
    const isWithEvent = held.direct?.handBack(held.id) ?? false
    if (held.direct !== null) await this.#recorder.record(held.direct)
    if (!isWithEvent) await this.#release(held)
  }

  async #release(held: HeldLease): Promise<void> {
    const { clock, storage } = this.#context
    await storage.releaseDeliveries({ now: clock.now(), leases: [held] })
  }

  /** The lease runs out and the delivery is tried again: nothing is lost. */
  #report({ id }: HeldLease, error: unknown): null {
    this.#context.logger.error({ id, reason: String(error) }, 'A delivery was not settled')
    return null
  }
}
