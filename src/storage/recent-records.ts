import type { EndpointRecord, EventRecord } from './records.ts'

/** Characters of the bodies in one generation, about; two are kept. */
const eventCapacity = 2 * 1024 * 1024

/**
 * Events that were fanned out a moment ago and are about to be sent. What the engine reads of an
 * event never changes, and an event with a pending delivery is never deleted. What goes in and out
 * is copied, but for what is nested in it.
 */
export class RecentEvents {
  #young = new Map<string, EventRecord>()
  #old = new Map<string, EventRecord>()
  #size = 0

  keep(event: EventRecord): void {
    if (this.#size > eventCapacity) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    this.#young.set(event.id, { ...event })
    this.#size += event.body.length
  }

  get(id: string): EventRecord | undefined {
    const event = this.#young.get(id) ?? this.#old.get(id)
    return event && { ...event }
  }
}

/** Endpoints kept at most; beyond it, the one not used for longest goes. */
const endpointCapacity = 1_000

/**
 * Settings of endpoints, as the engine reads them with every claim: parsing their JSON again would
 * cost more than the rest of the claim. A record stands for its settings only while the row has its
 * `version`; what deliveries change is newer in the row.
 */
export class RecentEndpoints {
  readonly #records = new Map<string, EndpointRecord>()

  keep(record: EndpointRecord): void {
    this.#put({ ...record })
    if (this.#records.size > endpointCapacity) {
      for (const oldest of this.#records.keys()) {
        this.#records.delete(oldest)
        break
      }
    }
  }

  get(id: string, version: number): Readonly<EndpointRecord> | undefined {
    const record = this.#records.get(id)
    if (record?.version !== version) return undefined
    this.#put(record)
    return record
  }

  /** Who was used last stands last. */
  #put(record: EndpointRecord): void {
    this.#records.delete(record.id)
    this.#records.set(record.id, record)
  }
}
