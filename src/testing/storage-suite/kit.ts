import assert from 'node:assert/strict'
import type { AttemptError } from '../../model.ts'
import type {
  ClaimedDeliveries,
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  Lease,
  NewDelivery,
  NewEndpoint,
  NewEvent,
  Settlement,
  Storage,
} from '../../storage/storage.ts'

/** Long after any real clock, so that an adapter that asks for the time itself is found out. */
const start = Date.UTC(2050, 0, 1, 0, 0, 0, 123)

/** How long the leases of the suite last, unless a test says otherwise. */
export const leaseMs = 60_000

/** What a page is asked for with, unless a test says otherwise. */
export const firstPage = { offset: 0, before: null, limit: 100, withTotal: true }

type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'pending'

/** What `Kit.addDelivery` made. */
/** A delivery as far as an attempt knows it; one just added has none behind it. */
type Attempted = Pick<DeliveryRecord, 'id' | 'tenantId' | 'eventId' | 'endpointId' | 'leaseToken'> &
  Partial<Pick<DeliveryRecord, 'attempts' | 'step'>>

export interface Added {
  event: EventRecord
  endpoint: EndpointRecord
  delivery: DeliveryRecord
}

/** Builds rows and makes calls with everything filled in that a test has nothing to say about. */
export class Kit {
  readonly storage: Storage
  readonly #ids: { last: number }

  constructor(storage: Storage, ids = { last: 0 }) {
    this.storage = storage
    this.#ids = ids
  }

  /** The same kit over another connection: ids go on counting. */
  on(storage: Storage): Kit {
    return new Kit(storage, this.#ids)
  }

  /** The instant so many milliseconds after the start of the test. */
  at(ms: number): Date {
    return new Date(start + ms)
  }

  /** A new id, in the order of creation. */
  id(prefix: string): string {
    this.#ids.last += 1
    return `${prefix}_${String(this.#ids.last).padStart(12, '0')}`
  }

  event(given: Partial<NewEvent> = {}): NewEvent {
    return {
      id: this.id('evt'),
      tenantId: 'tenant-a',
      type: 'document.processed',
      body: '{"type":"document.processed","data":{}}',
      channels: [],
      idempotencyKey: null,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      createdAt: this.at(0),
      fanOut: true,
      lease: null,
      ...given,
    }
  }

  endpoint(given: Partial<NewEndpoint> = {}): NewEndpoint {
    return {
      id: this.id('ep'),
      tenantId: 'tenant-a',
      url: 'https://receiver.example/hooks',
      description: '',
      events: ['document.*'],
      channels: [],
      filter: null,
      headers: {},
      secrets: [{ value: 'whsec_secret', createdAt: this.at(0), expiresAt: null }],
      rateLimit: null,
      retry: null,
      metadata: {},
      active: true,
      disabledAt: null,
      disabledReason: null,
      createdAt: this.at(0),
      ...given,
    }
  }

  delivery(
    event: { id: string; tenantId: string; type: string },
    endpoint: { id: string },
    given: Partial<NewDelivery> = {},
  ): NewDelivery {
    return {
      id: this.id('dlv'),
      tenantId: event.tenantId,
      eventId: event.id,
      endpointId: endpoint.id,
      eventType: event.type,
      status: 'pending',
      cancelReason: null,
      dueAt: this.at(0),
      leaseToken: null,
      createdAt: this.at(0),
      ...given,
    }
  }

  // Rows in the storage

  async addEvents(count: number, given: Partial<NewEvent> = {}): Promise<EventRecord[]> {
    const events = Array.from({ length: count }, () => this.event(given))
    await this.storage.insertEvents({ events })
    return this.eventsOf(events)
  }

  async addEvent(given: Partial<NewEvent> = {}): Promise<EventRecord> {
    return only(await this.addEvents(1, given))
  }

  addEndpoint(given: Partial<NewEndpoint> = {}): Promise<EndpointRecord> {
    return this.storage.insertEndpoint({ endpoint: this.endpoint(given) })
  }

  /** Pending deliveries to an endpoint, each of an event of its own that waits for nothing. */
  async addDeliveries(
    count: number,
    endpoint: { id: string; tenantId: string },
    given: Partial<NewDelivery> = {},
  ): Promise<DeliveryRecord[]> {
    const { tenantId } = endpoint
    const events = Array.from({ length: count }, () => this.event({ tenantId, fanOut: false }))
    await this.storage.insertEvents({ events })
    const deliveries = events.map((event) => this.delivery(event, endpoint, given))
    await this.storage.insertDeliveries({ deliveries })
    const stored = await Promise.all(deliveries.map((row) => this.get(row)))
    return stored
  }

  /** One event, one endpoint, one delivery. */
  async addDelivery(
    given: Partial<NewDelivery> = {},
    endpointSettings: Partial<NewEndpoint> = {},
  ): Promise<Added> {
    const tenantId = given.tenantId ?? 'tenant-a'
    const endpoint = await this.addEndpoint({ tenantId, ...endpointSettings })
    const event = await this.addEvent({ tenantId, fanOut: false })
    const delivery = this.delivery(event, endpoint, given)
    await this.storage.insertDeliveries({ deliveries: [delivery] })
    return { event, endpoint, delivery: await this.get(delivery) }
  }

  /** The rows of these events as stored, in the same order. */
  async eventsOf(events: { id: string; tenantId: string }[]): Promise<EventRecord[]> {
    const found = new Map<string, EventRecord>()
    for (const tenantId of new Set(events.map((event) => event.tenantId))) {
      const ids = events.filter((event) => event.tenantId === tenantId).map(({ id }) => id)
      for (const row of await this.storage.getEvents({ tenantId, ids })) found.set(row.id, row)
    }
    return events.map(({ id }) => found.get(id)).filter((row) => row !== undefined)
  }

  async get({ tenantId, id }: { tenantId: string; id: string }): Promise<DeliveryRecord> {
    const row = await this.storage.getDelivery({ tenantId, id })
    assert.ok(row, `delivery ${id} is missing`)
    return row
  }

  async getEndpoint({ tenantId, id }: { tenantId: string; id: string }): Promise<EndpointRecord> {
    const row = await this.storage.getEndpoint({ tenantId, id })
    assert.ok(row, `endpoint ${id} is missing`)
    return row
  }

  // Work

  /** Claims at `at` milliseconds after the start. */
  claim(
    at: number,
    given: {
      limit?: number
      perEndpoint?: number
      inFlight?: ReadonlyMap<string, number>
      probeFrom?: number
      leaseToken?: string
      leaseForMs?: number
    } = {},
  ): Promise<ClaimedDeliveries> {
    const { limit = 1_000, perEndpoint = 1_000, inFlight = new Map() } = given
    return this.storage.claimDeliveries({
      now: this.at(at),
      leaseToken: given.leaseToken ?? this.id('lease'),
      leaseUntil: this.at(at + (given.leaseForMs ?? leaseMs)),
      limit,
      perEndpoint,
      inFlight,
      probeFrom: given.probeFrom ?? 10,
    })
  }

  /** Claims and gives the deliveries alone. */
  async claimed(at: number, given: Parameters<Kit['claim']>[1] = {}): Promise<DeliveryRecord[]> {
    return (await this.claim(at, given)).deliveries
  }

  claimEvents(
    at: number,
    given: { limit?: number; leaseToken?: string; leaseForMs?: number } = {},
  ): Promise<EventRecord[]> {
    return this.storage.claimEvents({
      now: this.at(at),
      leaseToken: given.leaseToken ?? this.id('lease'),
      leaseUntil: this.at(at + (given.leaseForMs ?? leaseMs)),
      limit: given.limit ?? 1_000,
    })
  }

  /** What follows from an attempt that ended so, under the token that the delivery shows. */
  settlement(
    delivery: Attempted,
    status: Outcome,
    given: Partial<Settlement> & { at?: number } = {},
  ): Settlement {
    const { at = 1_000, ...rest } = given
    const { attempts = 0, step = 0 } = delivery
    const succeeded = status === 'succeeded'
    const error: AttemptError | null = succeeded
      ? null
      : { code: 'http_status', message: 'The receiver answered 500', origin: 'receiver' }
    const number = attempts + 1
    return {
      id: delivery.id,
      leaseToken: delivery.leaseToken ?? 'none',
      attempt: {
        id: this.id('att'),
        tenantId: delivery.tenantId,
        deliveryId: delivery.id,
        eventId: delivery.eventId,
        endpointId: delivery.endpointId,
        number,
        startedAt: this.at(at - 100),
        durationMs: 100,
        succeeded,
        url: 'https://receiver.example/hooks',
        requestHeaders: { 'webhook-id': delivery.eventId, 'webhook-signature': '[redacted]' },
        response: {
          status: succeeded ? 200 : 500,
          headers: { 'content-type': 'text/plain' },
          body: succeeded ? 'ok' : 'oh no',
          bodyTruncated: false,
        },
        error,
      },
      status,
      dueAt: status === 'pending' ? this.at(at + 5_000) : null,
      attempts: number,
      step: step + 1,
      faults: 0,
      responseStatus: succeeded ? 200 : 500,
      lastError: error,
      cancelReason: status === 'cancelled' ? 'endpoint_disabled' : null,
      completedAt: status === 'pending' ? null : this.at(at),
      ...rest,
    }
  }

  settle(...settlements: Settlement[]): Promise<string[]> {
    return this.storage.settleDeliveries({ now: this.at(1_000), settlements })
  }

  /** A delivery that is leased already, by its own token, until `leaseMs` after the start. */
  async addLeased(
    given: Partial<NewDelivery> = {},
    endpointSettings: Partial<NewEndpoint> = {},
  ): Promise<Added> {
    const tenantId = given.tenantId ?? 'tenant-a'
    const endpoint = await this.addEndpoint({ tenantId, ...endpointSettings })
    const event = await this.addEvent({ tenantId, fanOut: false })
    const lease = { leaseToken: this.id('lease'), dueAt: this.at(leaseMs) }
    const delivery = this.delivery(event, endpoint, { ...given, ...lease })
    await this.storage.insertDeliveries({ deliveries: [delivery] })
    return { event, endpoint, delivery: await this.get(delivery) }
  }

  /** A delivery that an attempt has brought to the given status. */
  async addSettled(status: Outcome, given: Partial<NewDelivery> = {}): Promise<Added> {
    const added = await this.addLeased(given)
    await this.settle(this.settlement(added.delivery, status))
    return { ...added, delivery: await this.get(added.delivery) }
  }
}

/** The one item of a list. */
export function only<Item>(items: readonly Item[]): Item {
  assert.equal(items.length, 1, `expected exactly one, got ${items.length}`)
  return items[0] as Item
}

/** The ids of rows, in their order. */
export function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id)
}

/** The leases that deliveries show. */
export function leasesOf(rows: readonly DeliveryRecord[]): Lease[] {
  return rows.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
}

/** Compares ids as sets of a stated size: order is free, repetition is not. */
export function assertSameIds(
  actual: readonly (string | { id: string })[],
  expected: readonly (string | { id: string })[],
  message?: string,
): void {
  const ids = (items: readonly (string | { id: string })[]) =>
    items.map((item) => (typeof item === 'string' ? item : item.id)).sort()
  assert.deepEqual(ids(actual), ids(expected), message)
}

/** How many items belong to each key. */
export function countBy<Item>(
  items: readonly Item[],
  key: (item: Item) => string,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1
  return counts
}
