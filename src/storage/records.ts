/**
 * What passes between the engine and a storage: records as they are handed over and as they are
 * stored, and the parameters and results that stand for more than one method.
 */
import type { Filter } from '../core/matching/filter.ts'
import type { WebhooksErrorCode } from '../errors.ts'
import type {
  Attempt,
  AttemptError,
  CancelReason,
  Delivery,
  DeliveryStatus,
  DisabledReason,
  RateLimit,
  RetryPolicy,
} from '../model.ts'

/** An event as the engine hands it over. */
export interface NewEvent {
  id: string
  tenantId: string
  type: string
  /** The JSON text that is signed and sent, byte for byte. */
  body: string
  channels: string[]
  idempotencyKey: string | null
  createdAt: Date
  /**
   * The trace context in which it was emitted, in the form of W3C Trace Context: 55 ASCII
   * characters; `null` without one.
   */
  traceparent: string | null
  /** `false`: this event has its deliveries already (a test event) and is never fanned out. */
  fanOut: boolean
  /**
   * Under which it is inserted, as if it had been claimed at once; `null`: it waits for a claim.
   * Always `null` in a transaction of the caller's, and where it is never fanned out.
   */
  lease: EventLease | null
}

/** What an event is inserted under. Several events may share one. */
export interface EventLease {
  leaseToken: string
  leaseUntil: Date
}

/** What `insertEvents` answers about a given event: which one stands for it. */
export interface InsertedEvent {
  id: string
  createdAt: Date
  /** Its {@link EventRecord.position}. */
  position: number
  /** Whether it is the given one; else another one has its idempotency key. */
  inserted: boolean
}

/** An event as stored. */
export interface EventRecord extends Omit<NewEvent, 'fanOut' | 'lease'> {
  /**
   * Its place in the order in which events were inserted, over all tenants: rises strictly from
   * one event to the next. Gaps are fine. Assigned by the storage, because clocks of several
   * processes cannot order events and endpoints. An event takes it when it is inserted, and may
   * become visible later than one with a greater position.
   */
  position: number
}

/** A signing secret of an endpoint. */
export interface SecretRecord {
  /** `whsec_…` (HMAC) or `whsk_…` (Ed25519), or an encrypted form of it: opaque to adapters. */
  value: string
  createdAt: Date
  /** From this instant on it no longer signs; `null` for the current one. */
  expiresAt: Date | null
}

/** The part of an endpoint that its owner decides. */
export interface EndpointSettings {
  url: string
  description: string
  /** Event patterns. */
  events: string[]
  channels: string[]
  filter: Filter | null
  /** Custom headers, lower-case names. */
  headers: Record<string, string>
  secrets: SecretRecord[]
  rateLimit: RateLimit | null
  retry: RetryPolicy | null
  metadata: Record<string, string>
  active: boolean
  disabledAt: Date | null
  disabledReason: DisabledReason | null
}

/** The part of an endpoint that deliveries decide. */
export interface EndpointHealth {
  pausedUntil: Date | null
  failingSince: Date | null
  failedAttempts: number
}

/** An endpoint as the engine hands it over. Health starts clean: `null`, `null`, 0. */
export interface NewEndpoint extends EndpointSettings {
  id: string
  tenantId: string
  createdAt: Date
}

/** An endpoint as stored. */
export interface EndpointRecord extends NewEndpoint, EndpointHealth {
  /**
   * Position of the newest event (or a later one that no event has) at the moment when it was
   * created or, if it has been off since, switched on again: it receives later ones only. An event
   * in a transaction that is still open then may count or not; one that is inserted once this is
   * stored has a greater position.
   */
  activePosition: number
  /** 1 at creation, one more on each `updateEndpoint`. */
  version: number
  updatedAt: Date
}

/** A delivery as the engine hands it over. */
export interface NewDelivery {
  id: string
  tenantId: string
  eventId: string
  endpointId: string
  eventType: string
  /**
   * `cancelled` where the endpoint was switched off between emit and fan-out; it is then stored
   * with `completedAt` at its `createdAt`.
   */
  status: 'pending' | 'cancelled'
  cancelReason: CancelReason | null
  /**
   * When the first attempt is due or, under a lease, when the lease ends; `null` unless pending.
   */
  dueAt: Date | null
  /**
   * The token under which it is added, leased by whoever adds it, as if it had been claimed at once
   * (but no token of a rate limit is taken); `null`: it waits for a claim.
   */
  leaseToken: string | null
  createdAt: Date
}

/** A delivery as stored. */
export interface DeliveryRecord extends Omit<Delivery, 'nextAttemptAt'> {
  /** Schedule and lease in one; `null` exactly when the status is not `pending`. */
  dueAt: Date | null
  /** Token of the last claim until settled, released or re-queued; else `null`. Survives a cancel. */
  leaseToken: string | null
  /** Attempts counted since the schedule last started: the place in `delaysMs`. 0 at first. */
  step: number
  /** Failures of origin `sender` in a row: the place in the engine's own back-off. 0 at first. */
  faults: number
}

/** What a page of a list holds: items newest first (descending id). */
export interface ListParams {
  /** Items to skip: for numbered pages. Given together with `before: null`. */
  offset: number
  /** Only items whose id is smaller: for cursors. Costs the same however deep. */
  before: string | null
  limit: number
  /** Whether to count all matches (regardless of `offset`, `before` and `limit`). */
  withTotal: boolean
}

/** A page of a list. `total` is `null` unless asked for. */
export interface ListResult<Item> {
  items: Item[]
  total: number | null
}

/** `undefined` leaves a condition out. Instants: `since` inclusive, `until` exclusive, on `createdAt`. */
export interface EventListParams extends ListParams {
  tenantId: string
  type?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

/** `undefined` leaves a condition out. */
export interface EndpointListParams extends ListParams {
  tenantId: string
  active?: boolean | undefined
}

/** `undefined` leaves a condition out. Instants: `since` inclusive, `until` exclusive, on `createdAt`. */
export interface DeliveryListParams extends ListParams {
  tenantId: string
  endpointId?: string | undefined
  eventId?: string | undefined
  type?: string | undefined
  status?: DeliveryStatus | undefined
  since?: Date | undefined
  until?: Date | undefined
}

/** A row held under a lease. */
export interface Lease {
  id: string
  leaseToken: string
}

/** Due deliveries, and once each what their dispatch needs. */
export interface ClaimedDeliveries {
  deliveries: DeliveryRecord[]
  /** The events of these deliveries, each once. */
  events: EventRecord[]
  /**
   * The endpoints of these deliveries, each once, as they are at the moment of the claim. A
   * deleted endpoint is left out: its deliveries are returned, and the engine cancels them.
   */
  endpoints: EndpointRecord[]
}

/** Deliveries that a fan-out adds for one event. */
export interface FanOutResult {
  eventId: string
  /** The event's own token, under which this is written: the same wherever a call names the event. */
  leaseToken: string
  deliveries: NewDelivery[]
  /** Whether this was the last part. Until then the event stays leased and due again at its end. */
  done: boolean
}

/** What a fan-out writes. */
export interface FanOutParams {
  now: Date
  results: FanOutResult[]
  settlements?: Settlement[] | undefined
}

/** What a fan-out has written. */
export interface FanOutAnswer {
  /** Ids of the events accepted. */
  events: string[]
  /** Ids of the deliveries whose settlements were accepted. */
  settled: string[]
}

/** How one attempt ended, and what follows for its delivery. */
export interface Settlement extends Lease {
  attempt: Attempt
  status: DeliveryStatus
  /** When the next attempt is due; `null` unless `status` is `pending`. */
  dueAt: Date | null
  attempts: number
  step: number
  faults: number
  responseStatus: number | null
  lastError: AttemptError | null
  cancelReason: CancelReason | null
  /** `null` unless the status is final. */
  completedAt: Date | null
}

/** What a batch of attempts means for one endpoint, in the order in which they ended. */
export interface HealthChange {
  endpointId: string
  /** Whether one of them succeeded: the streak before it ends there. */
  succeeded: boolean
  /** Failed attempts; where `succeeded`, only those after the last success. */
  failedAttempts: number
  /** When the first of these failures ended; `null` if there were none. */
  failedAt: Date | null
  /** No request before this instant; `null` leaves a pause as it is. Pauses only ever lengthen. */
  pausedUntil: Date | null
  /** Under which these attempts were claimed: if one of them was the endpoint's probe, it has ended. */
  leaseTokens: string[]
}

/** Figures over the deliveries of a tenant, or of one endpoint. */
export interface StatsRecord {
  /** Deliveries created since `since`, by status. */
  deliveries: Record<DeliveryStatus, number>
  /** Attempts started since `since`, whatever their origin. */
  attempts: { succeeded: number; failed: number }
  /**
   * Durations of succeeded attempts since `since`, in ms, by nearest rank (the smallest duration
   * that at least so many per cent do not exceed); `null` where there is none.
   */
  durationMs: { p50: number | null; p95: number | null; p99: number | null }
  /** All pending deliveries, of whatever age, and events not yet fanned out (tenant only). */
  backlog: number
  /** `createdAt` of the oldest pending delivery; `null` without one. */
  oldestPendingAt: Date | null
}

/** How many wait, and since when. */
export interface WaitingRecord {
  count: number
  /**
   * `createdAt` of the oldest; `null` without one. In place of the oldest an adapter may take, of
   * events, the one with the smallest position, and of each tenant's deliveries, the smallest id.
   */
  oldestAt: Date | null
}

/** What waits, over all tenants. */
export interface BacklogRecord {
  /** Events that wait for their fan-out. */
  events: WaitingRecord
  /** Pending deliveries. */
  deliveries: WaitingRecord
  /** Endpoints that are not deleted, each counted once: in the first of these that is true of it. */
  endpoints: {
    /** Not active. */
    disabled: number
    /** `pausedUntil > now`. */
    paused: number
    /** `failingSince` is set. */
    failing: number
    /** All others. */
    healthy: number
  }
}

/** What a fault of a store means. */
export interface StorageFault {
  /** For programs. */
  code: StorageFaultCode
  /** For people: what to do about it, in whole sentences. */
  wayOut: string
}

/** Codes that a fault of a store can have. */
export type StorageFaultCode = Extract<WebhooksErrorCode, `storage_${string}`>
