import type { Attempt } from '../../model.ts'
import type { DeliveryRecord, EndpointRecord, EventRecord } from '../storage.ts'
import { Heap, type HeapItem } from './heap.ts'
import { Queue } from './queue.ts'
import { SortedList } from './sorted-list.ts'
import type { TokenBucket } from './token-bucket.ts'

/** Due since ever: an event that was never leased. */
export const always = Number.NEGATIVE_INFINITY

/**
 * Rows hold the record that callers see copies of, and beside it what the indexes need. Instants
 * that order a heap are numbers.
 */
export interface EventRow extends HeapItem {
  readonly id: string
  readonly record: EventRecord
  readonly tenant: TenantRow
  /** Whether it was ever to be fanned out; a test event is not. */
  readonly fansOut: boolean
  /** Whether its fan-out is still to come. */
  waits: boolean
  dueAt: number
  leaseToken: string | null
  /** Its deliveries by endpoint. */
  readonly deliveries: Map<string, DeliveryRow>
}

export interface DeliveryRow extends HeapItem {
  readonly id: string
  readonly record: DeliveryRecord
  readonly tenant: TenantRow
  readonly event: EventRow
  readonly endpoint: EndpointRow
  /** `dueAt` while pending, `completedAt` once final. */
  orderedBy: number
  readonly attempts: Attempt[]
}

export interface EndpointRow extends HeapItem {
  readonly id: string
  record: EndpointRecord
  readonly tenant: TenantRow
  /** Epoch milliseconds; `null` while it exists. */
  deletedAt: number | null
  /** `null` without a rate limit. */
  bucket: TokenBucket | null
  /** The one delivery that a failing endpoint was given, and until when none follows it. */
  probe: { leaseToken: string; until: number } | null
  readonly pending: Heap<DeliveryRow>
  readonly deliveries: SortedList<DeliveryRow>
  /** When a delivery of it can next be claimed: due, not paused or probed, and with a token at hand. */
  readyAt: number
  /** Whether it stands in its tenant's queue of endpoints whose turn is to come. */
  queued: boolean
}

export interface TenantRow {
  readonly id: string
  readonly events: SortedList<EventRow>
  readonly eventsByKey: Map<string, EventRow>
  readonly endpoints: SortedList<EndpointRow>
  readonly deliveries: SortedList<DeliveryRow>
  /** Events due for their fan-out, by position. */
  readonly dueEvents: Heap<EventRow>
  readonly readyEndpoints: Queue<EndpointRow>
  /** Whether it stands in the queue of tenants whose turn to fan out, or to deliver, is to come. */
  queuedForFanOut: boolean
  queuedForDelivery: boolean
}

/** All tenants, each made when first named. */
export type Tenants = Map<string, TenantRow>

export function tenantIn(tenants: Tenants, id: string): TenantRow {
  const known = tenants.get(id)
  if (known !== undefined) return known
  const tenant: TenantRow = {
    id,
    events: new SortedList(),
    eventsByKey: new Map(),
    endpoints: new SortedList(),
    deliveries: new SortedList(),
    dueEvents: new Heap((a, b) => a.record.position < b.record.position),
    readyEndpoints: new Queue(),
    queuedForFanOut: false,
    queuedForDelivery: false,
  }
  tenants.set(id, tenant)
  return tenant
}

export function byOrder(a: DeliveryRow, b: DeliveryRow): boolean {
  return a.orderedBy < b.orderedBy || (a.orderedBy === b.orderedBy && a.id < b.id)
}
