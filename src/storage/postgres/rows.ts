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
import { decodeText } from './values.ts'

/** Rows as the server's text, and the records that they stand for. */

export interface EventRow {
  event_position: string
  event_id: string
  tenant_id: string
  type: string
  created_at: string
  channels: string
  idempotency_key: string | null
  traceparent: string | null
  body: string
}

/** The columns of an {@link EventRow}, from the table `events` under the name `event`. */
export const eventColumns = `event.position AS event_position, event.event_id, event.tenant_id,
  event.type, event.created_at, event.channels, event.idempotency_key, event.traceparent,
  event.body`

export function toEventRecord(row: EventRow): EventRecord {
  return {
    id: row.event_id,
    tenantId: decodeText(row.tenant_id),
    type: decodeText(row.type),
    body: decodeText(row.body),
    channels: row.channels === '[]' ? [] : (JSON.parse(row.channels) as string[]),
    idempotencyKey: row.idempotency_key === null ? null : decodeText(row.idempotency_key),
    traceparent: row.traceparent,
    createdAt: new Date(Number(row.created_at)),
    position: Number(row.event_position),
  }
}

export interface DeliveryRow {
  delivery_id: string
  tenant_id: string
  event_id: string
  endpoint_id: string
  event_type: string
  status: DeliveryStatus
  attempts: string
  step: string
  faults: string
  response_status: string | null
  last_error: string | null
  cancel_reason: CancelReason | null
  created_at: string
  completed_at: string | null
}

/** What the schedule says of a delivery. */
export type Scheduled = Pick<DeliveryRecord, 'dueAt' | 'leaseToken'>

export function toDeliveryRecord(
  row: DeliveryRow,
  { dueAt, leaseToken }: Scheduled,
): DeliveryRecord {
  return {
    id: row.delivery_id,
    tenantId: decodeText(row.tenant_id),
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    eventType: decodeText(row.event_type),
    status: row.status,
    attempts: Number(row.attempts),
    step: Number(row.step),
    faults: Number(row.faults),
    dueAt,
    leaseToken,
    responseStatus: numberOrNull(row.response_status),
    lastError: jsonValue<AttemptError | null>(row.last_error),
    cancelReason: row.cancel_reason,
    createdAt: new Date(Number(row.created_at)),
    completedAt: dateOrNull(row.completed_at),
  }
}

/** An endpoint as `row_to_json` gives it. */
interface EndpointJson {
  endpoint_id: string
  tenant_id: string
  url: string
  description: string
  events: string[]
  channels: string[]
  filter: Filter | null
  headers: Record<string, string>
  secrets: StoredSecret[]
  rate_limit: RateLimit | null
  retry: RetryPolicy | null
  metadata: Record<string, string>
  active: boolean
  disabled_at: number | null
  disabled_reason: DisabledReason | null
  paused_until: number | null
  failing_since: number | null
  failed_attempts: number
  active_position: number
  version: number
  created_at: number
  updated_at: number
}

/** Instants in JSON are epoch milliseconds, as in columns. */
interface StoredSecret {
  value: string
  createdAt: number
  expiresAt: number | null
}

export function toEndpointRecord(text: string): EndpointRecord {
  const row = JSON.parse(text) as EndpointJson
  return {
    id: row.endpoint_id,
    tenantId: decodeText(row.tenant_id),
    url: decodeText(row.url),
    description: decodeText(row.description),
    events: row.events,
    channels: row.channels,
    filter: row.filter,
    headers: row.headers,
    secrets: row.secrets.map(toSecretRecord),
    rateLimit: row.rate_limit,
    retry: row.retry,
    metadata: row.metadata,
    active: row.active,
    disabledAt: dateOrNull(row.disabled_at),
    disabledReason: row.disabled_reason,
    pausedUntil: dateOrNull(row.paused_until),
    failingSince: dateOrNull(row.failing_since),
    failedAttempts: row.failed_attempts,
    activePosition: row.active_position,
    version: row.version,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}

function toSecretRecord({ value, createdAt, expiresAt }: StoredSecret): SecretRecord {
  return { value, createdAt: new Date(createdAt), expiresAt: dateOrNull(expiresAt) }
}

export function formatSecrets(secrets: SecretRecord[]): string {
  const stored: StoredSecret[] = secrets.map(({ value, createdAt, expiresAt }) => ({
    value,
    createdAt: createdAt.getTime(),
    expiresAt: expiresAt?.getTime() ?? null,
  }))
  return JSON.stringify(stored)
}

export interface AttemptRow {
  attempt_id: string
  tenant_id: string
  delivery_id: string
  event_id: string
  endpoint_id: string
  number: string
  started_at: string
  duration_ms: string
  succeeded: string
  url: string
  request_headers: string
  error: string | null
  response_status: string | null
  response_headers: string | null
  response_body: string | null
  body_truncated: string | null
}

export function toAttempt(row: AttemptRow): Attempt {
  return {
    id: row.attempt_id,
    tenantId: decodeText(row.tenant_id),
    deliveryId: row.delivery_id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    number: Number(row.number),
    startedAt: new Date(Number(row.started_at)),
    durationMs: Number(row.duration_ms),
    succeeded: row.succeeded === 't',
    url: decodeText(row.url),
    requestHeaders: JSON.parse(row.request_headers) as Record<string, string>,
    response:
      row.response_status === null
        ? null
        : {
            status: Number(row.response_status),
            headers: JSON.parse(row.response_headers ?? '{}') as Record<string, string>,
            body: decodeText(row.response_body ?? ''),
            bodyTruncated: row.body_truncated === 't',
          },
    error: jsonValue<AttemptError | null>(row.error),
  }
}

export function dateOrNull(value: string | number | null): Date | null {
  return value === null ? null : new Date(Number(value))
}

export function numberOrNull(value: string | null): number | null {
  return value === null ? null : Number(value)
}

function jsonValue<Value>(text: string | null): Value {
  return JSON.parse(text ?? 'null') as Value
}
