import type { NewDelivery, NewEvent, Storage } from '../../src/storage/storage.ts'
import { data } from '../contenders/contender.ts'

const tenantId = 'default'
const perWrite = 1_000
const body = JSON.stringify({ type: 'bench.event', data })

/** Fills a storage with deliveries that are due, by the calls that the engine makes. */
export class Filler {
  readonly #storage: Storage
  readonly #endpointIds: string[]
  #events = 0

  constructor(storage: Storage, endpointIds: string[]) {
    this.#storage = storage
    this.#endpointIds = endpointIds
  }

  /** One event for all endpoints: deliveries are what is to wait. */
  async add(deliveries: number): Promise<void> {
    for (let added = 0; added < deliveries; added += perWrite) {
      await this.#write(Math.min(perWrite, deliveries - added) / this.#endpointIds.length)
    }
  }

  async #write(events: number): Promise<void> {
    const now = new Date()
    const given = Array.from({ length: events }, () => this.#event(now))
    await this.#storage.insertEvents({ events: given })
    const leaseToken = `lease_${this.#events}`
    const leaseUntil = new Date(now.getTime() + 60_000)
    const claim = { now, leaseToken, leaseUntil, limit: perWrite }
    const claimed = await this.#storage.claimEvents(claim)
    const results = claimed.map(({ id }) => ({
      eventId: id,
      leaseToken,
      done: true,
      deliveries: this.#endpointIds.map((endpointId, n) => delivery(id, endpointId, n, now)),
    }))
    await this.#storage.fanOut({ now, results })
  }

  #event(createdAt: Date): NewEvent {
    this.#events += 1
    const id = `evt_${String(this.#events).padStart(9, '0')}`
    const type = 'bench.event'
    const nothing = { channels: [], idempotencyKey: null, traceparent: null }
    return { id, tenantId, type, body, ...nothing, createdAt, fanOut: true, lease: null }
  }
}

function delivery(eventId: string, endpointId: string, n: number, createdAt: Date): NewDelivery {
  return {
    id: `dlv_${eventId.slice(4)}${String(n).padStart(4, '0')}`,
    tenantId,
    eventId,
    endpointId,
    eventType: 'bench.event',
    status: 'pending',
    cancelReason: null,
    dueAt: createdAt,
    leaseToken: null,
    createdAt,
  }
}
