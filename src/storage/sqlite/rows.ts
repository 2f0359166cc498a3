import type { Filter } from '../../core/matching/filter.ts'
import type {
  Attempt,
  AttemptError,
  CancelReason,
  DeliveryStatus,
  DisabledReason,
  RateLimit,
  RetryPolicy,
} from '../../model.ts'
import type { DeliveryRecord, EndpointRecord, EventRecord, SecretRecord } from '../storage.ts'
import { readText, type StoredText } from './text.ts'

/** Rows as the driver gives them, and the records that they stand for. */

export const eventColumns =
  'position, event_id, tenant_id, type, created_at, channels, idempotency_key, traceparent, body'

export type EventRow = [
  position: number,
  eventId: string,
  tenantId: StoredText,
  type: StoredText,
  createdAt: number,
  channels: string,
  idempotencyKey: StoredText | null,
  traceparent: string | null,
  body: StoredText,
]

export function toEventRecord(row: EventRow): EventRecord {
  const [position, id, tenantId, type, createdAt, channels, idempotencyKey, traceparent, body] = row
  return {
    id,
    tenantId: readText(tenantId),
    type: readText(type),
    body: readText(body),
    channels: channels === '[]' ? [] : (JSON.parse(channels) as string[]),
    idempotencyKey: idempotencyKey === null ? null : readText(idempotencyKey),
    traceparent,
    createdAt: new Date(createdAt),
    position,
  }
}

/** Schedule and lease are one instant to the engine. */
const dueAtOrLeaseEnd =
  'iif(lease.due_at > 0 AND delivery.due_at NOT NULL, lease.due_at, delivery.due_at)'

/** Of `delivery` and `lease`, as {@link deliveriesWithLeases} joins them. */
export const deliveryColumns = `delivery.delivery_id, tenant_id, event_id, endpoint_id, event_type,
  status, attempts, step, faults, ${dueAtOrLeaseEnd}, lease_token, response_status, last_error,
  cancel_reason, created_at, completed_at`

export const deliveriesWithLeases = `webhooks_deliveries AS delivery
  LEFT JOIN webhooks_delivery_leases AS lease ON lease.delivery_id = delivery.delivery_id`

export type DeliveryRow = [
  deliveryId: string,
  tenantId: StoredText,
  eventId: string,
  endpointId: string,
  eventType: StoredText,
  status: DeliveryStatus,
  attempts: number,
  step: number,
  faults: number,
  dueAt: number | null,
  leaseToken: StoredText | null,
  responseStatus: number | null,
  lastError: string | null,
  cancelReason: CancelReason | null,
  createdAt: number,
  completedAt: number | null,
]

export function toDeliveryRecord(row: DeliveryRow): DeliveryRecord {
  const [
    id,
    tenantId,
    eventId,
    endpointId,
    eventType,
    status,
    attempts,
    step,
    faults,
    dueAt,
    leaseToken,
    responseStatus,
    lastError,
    cancelReason,
    createdAt,
    completedAt,
  ] = row
  return {
    id,
    tenantId: readText(tenantId),
    eventId,
    endpointId,
    eventType: readText(eventType),
    status,
    attempts,
    step,
    faults,
    dueAt: toDate(dueAt),
    leaseToken: leaseToken === null ? null : readText(leaseToken),
    responseStatus,
    lastError: parseOrNull<AttemptError>(lastError),
    cancelReason,
    createdAt: new Date(createdAt),
    completedAt: toDate(completedAt),
  }
}

export interface EndpointRow {
  endpoint_id: string
  tenant_id: StoredText
  url: StoredText
  description: StoredText
  events: string
  channels: string
  filter: string | null
  headers: string
  secrets: string
  rate_limit: string | null
  retry: string | null
  metadata: string
  active: number
  disabled_at: number | null
  disabled_reason: DisabledReason | null
  paused_until: number | null
  failing_since: number | null
  failed_attempts: number
  active_position: number
  version: number
  created_at: number
  updated_at: number
  deleted_at: number | null
}

export function toEndpointRecord(row: EndpointRow): EndpointRecord {
  return {
    id: row.endpoint_id,
    tenantId: readText(row.tenant_id),
    url: readText(row.url),
    description: readText(row.description),
    events: JSON.parse(row.events) as string[],
    channels: JSON.parse(row.channels) as string[],
    filter: parseOrNull<Filter>(row.filter),
    headers: JSON.parse(row.headers) as Record<string, string>,
    secrets: parseSecrets(row.secrets),
    rateLimit: parseOrNull<RateLimit>(row.rate_limit),
    retry: parseOrNull<RetryPolicy>(row.retry),
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    active: row.active === 1,
    disabledAt: toDate(row.disabled_at),
    disabledReason: row.disabled_reason,
    pausedUntil: toDate(row.paused_until),
    failingSince: toDate(row.failing_since),
    failedAttempts: row.failed_attempts,
    activePosition: row.active_position,
    version: row.version,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}

/** Secrets as JSON: instants as epoch milliseconds, like everywhere in the file. */
export function formatSecrets(secrets: SecretRecord[]): string {
  return JSON.stringify(
    secrets.map(({ value, createdAt, expiresAt }) => ({
      value,
      createdAt: createdAt.getTime(),
      expiresAt: expiresAt?.getTime() ?? null,
    })),
  )
}

function parseSecrets(json: string): SecretRecord[] {
  const secrets = JSON.parse(json) as {
    value: string
    createdAt: number
    expiresAt: number | null
  }[]
  return secrets.map(({ value, createdAt, expiresAt }) => ({
    value,
    createdAt: new Date(createdAt),
    expiresAt: toDate(expiresAt),
  }))
}

export interface AttemptRow {
  delivery_id: string
  attempt_id: string
  tenant_id: StoredText
  event_id: string
  endpoint_id: string
  number: number
  started_at: number
  duration_ms: number
  succeeded: number
  url: StoredText
  request_headers: string
  error: string | null
  response_status: number | null
  response_headers: string | null
  body_truncated: number | null
  response_body: StoredText | null
}

export function toAttempt(row: AttemptRow): Attempt {
  return {
    id: row.attempt_id,
    tenantId: readText(row.tenant_id),
    deliveryId: row.delivery_id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    number: row.number,
    startedAt: new Date(row.started_at),
    durationMs: row.duration_ms,
    succeeded: row.succeeded === 1,
    url: readText(row.url),
    requestHeaders: JSON.parse(row.request_headers) as Record<string, string>,
    response: toResponse(row),
    error: parseOrNull<AttemptError>(row.error),
  }
}

function toResponse(row: AttemptRow): Attempt['response'] {
  if (row.response_status === null) return null
  return {
    status: row.response_status,
    headers: JSON.parse(row.response_headers ?? '{}') as Record<string, string>,
    body: readText(row.response_body ?? ''),
    bodyTruncated: row.body_truncated === 1,
  }
}

export function toMs(instant: Date | null): number | null {
  return instant === null ? null : instant.getTime()
}

export function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

export function formatOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value)
}

function parseOrNull<T>(json: string | null): T | null {
  return json === null ? null : (JSON.parse(json) as T)
}
