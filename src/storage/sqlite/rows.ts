import type { Filter } from '../../core/filter.ts'
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

export interface EventRow {
  position: number
  event_id: string
  tenant_id: StoredText
  type: StoredText
  created_at: number
  channels: string
  idempotency_key: StoredText | null
  body: StoredText
}

/** The columns of an {@link EventRow}; the row has others that a record does not. */
export const eventColumns =
  'position, event_id, tenant_id, type, created_at, channels, idempotency_key, body'

export function toEventRecord(row: EventRow): EventRecord {
  return {
    id: row.event_id,
    tenantId: readText(row.tenant_id),
    type: readText(row.type),
    body: readText(row.body),
    channels: row.channels === '[]' ? [] : (JSON.parse(row.channels) as string[]),
    idempotencyKey: row.idempotency_key === null ? null : readText(row.idempotency_key),
    createdAt: new Date(row.created_at),
    position: row.position,
  }
}

export interface DeliveryRow {
  delivery_id: string
  tenant_id: StoredText
  event_id: string
  endpoint_id: string
  event_type: StoredText
  status: DeliveryStatus
  attempts: number
  step: number
  faults: number
  due_at: number | null
  lease_token: string | null
  response_status: number | null
  last_error: string | null
  cancel_reason: CancelReason | null
  created_at: number
  completed_at: number | null
}

export function toDeliveryRecord(row: DeliveryRow): DeliveryRecord {
  return {
    id: row.delivery_id,
    tenantId: readText(row.tenant_id),
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    eventType: readText(row.event_type),
    status: row.status,
    attempts: row.attempts,
    step: row.step,
    faults: row.faults,
    dueAt: toDate(row.due_at),
    leaseToken: row.lease_token,
    responseStatus: row.response_status,
    lastError: parseOrNull<AttemptError>(row.last_error),
    cancelReason: row.cancel_reason,
    createdAt: new Date(row.created_at),
    completedAt: toDate(row.completed_at),
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
