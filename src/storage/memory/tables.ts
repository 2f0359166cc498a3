import type {
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  NewDelivery,
  Settlement,
} from '../storage.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { FanOutQueue } from './fan-out-queue.ts'
import { Heap } from './heap.ts'
import { byOrder, type DeliveryRow, type EndpointRow, type EventRow, type Tenants } from './rows.ts'

/** Everything a memory storage holds. */
export class Tables {
  readonly tenants: Tenants = new Map()
  readonly events = new Map<string, EventRow>()
  readonly endpoints = new Map<string, EndpointRow>()
  readonly deliveries = new Map<string, DeliveryRow>()
  readonly fanOutQueue = new FanOutQueue()
  readonly deliveryQueue = new DeliveryQueue()
  /** Final deliveries by `completedAt`: what retention takes first. */
  readonly finished = new Heap<DeliveryRow>(byOrder)
  /** Events that neither wait nor have a delivery, by `createdAt`: what retention takes next. */
  readonly childless = new Heap<EventRow>((a, b) => a.record.createdAt < b.record.createdAt)
  readonly deletedEndpoints = new Set<EndpointRow>()
  /** Position of the newest event. */
  position = 0

  /** @returns Whether it was added: not where the event has one for that endpoint. */
  addDelivery(given: NewDelivery): boolean {
    const row = this.#addRow(given)
    if (row === undefined) return false
    if (row.record.status !== 'pending') this.finished.add(row)
    else this.schedule(row, given.dueAt ?? given.createdAt, given.leaseToken)
    return true
  }

  /** Adds a delivery whose first attempt has ended. @returns Whether it was added. */
  addSettled(given: NewDelivery, settlement: Settlement): boolean {
    const row = this.#addRow(given)
    return row !== undefined && this.settle(row, settlement)
  }

  #addRow(given: NewDelivery): DeliveryRow | undefined {
    const event = this.events.get(given.eventId)
    const endpoint = this.endpoints.get(given.endpointId)
    if (event === undefined || endpoint === undefined) return undefined
    if (event.tenant.id !== given.tenantId || event.deliveries.has(endpoint.id)) return undefined
    const isPending = given.status === 'pending'
    const row: DeliveryRow = {
      id: given.id,
      record: {
        ...given,
        attempts: 0,
        responseStatus: null,
        lastError: null,
        completedAt: isPending ? null : given.createdAt,
        step: 0,
        faults: 0,
      },
      tenant: event.tenant,
      event,
      endpoint,
      orderedBy: given.createdAt.getTime(),
      attempts: [],
      heap: null,
      heapIndex: 0,
    }
    this.deliveries.set(row.id, row)
    row.tenant.deliveries.add(row)
    endpoint.deliveries.add(row)
    event.deliveries.set(endpoint.id, row)
    this.childless.delete(event)
    return row
  }

  /** @returns Whether it held the token under which it is settled. */
  settle(row: DeliveryRow, settlement: Settlement): boolean {
    const { record } = row
    if (record.leaseToken !== settlement.leaseToken) return false
    row.attempts.push(settlement.attempt)
    record.leaseToken = null
    record.attempts = settlement.attempts
    record.responseStatus = settlement.responseStatus
    record.lastError = settlement.lastError
    // Cancelled while the attempt was under way: so it stays, unless the receiver has it now.
    if (record.status === 'cancelled' && settlement.status !== 'succeeded') return true
    record.step = settlement.step
    record.faults = settlement.faults
    record.cancelReason = settlement.cancelReason
    const { status, dueAt, completedAt } = settlement
    if (status === 'pending' && dueAt !== null) this.schedule(row, dueAt)
    else if (completedAt !== null) this.finish(row, status, completedAt)
    return true
  }

  /** Makes a delivery pending, due at the given instant, under a lease if there is a token. */
  schedule(row: DeliveryRow, dueAt: Date, leaseToken: string | null = null): void {
    this.finished.delete(row)
    row.record.status = 'pending'
    row.record.dueAt = dueAt
    row.record.leaseToken = leaseToken
    this.deliveryQueue.wait(row, dueAt.getTime())
  }

  /** Makes a delivery final. */
  finish(row: DeliveryRow, status: DeliveryRecord['status'], completedAt: Date): void {
    this.deliveryQueue.remove(row)
    row.record.status = status
    row.record.dueAt = null
    row.record.completedAt = completedAt
    this.finished.delete(row)
    row.orderedBy = completedAt.getTime()
    this.finished.add(row)
  }

  removeDelivery(row: DeliveryRow): void {
    this.deliveryQueue.remove(row)
    this.finished.delete(row)
    this.deliveries.delete(row.id)
    row.tenant.deliveries.delete(row)
    row.endpoint.deliveries.delete(row)
    row.event.deliveries.delete(row.endpoint.id)
    this.noteChildless(row.event)
  }

  noteChildless(event: EventRow): void {
    if (event.waits || event.deliveries.size > 0 || this.childless.has(event)) return
    this.childless.add(event)
  }
}

// Copies are as deep as callers can reach: what lies deeper (instants, errors, responses) is
// shared, because the engine and its callers treat it as values.

export function copyEvent({ record }: EventRow): EventRecord {
  return { ...record, channels: [...record.channels] }
}

export function copyDelivery({ record }: DeliveryRow): DeliveryRecord {
  return { ...record }
}

/** Flat copies of those that are not deleted: for the engine, which changes nothing of what it reads. */
export function readEndpoints(rows: Iterable<EndpointRow>): EndpointRecord[] {
  return [...rows]
    .filter(({ deletedAt }) => deletedAt === null)
    .map(({ record }) => ({ ...record }))
}

/** Whole, because a caller may well change a list or a header of what it was given. */
export function copyEndpoint({ record }: EndpointRow): EndpointRecord {
  return structuredClone(record)
}
