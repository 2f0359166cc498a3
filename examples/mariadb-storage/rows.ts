/** What the records of the contract look like as rows, and back. */
import { createHash } from 'node:crypto'
import type {
  Attempt,
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  NewDelivery,
  NewEndpoint,
  NewEvent,
} from '@ainexlayer/webhooks'
import type { Row } from './database.ts'

/** A row as it is read; which column holds what, the functions below say. */
export type Columns<Name extends string, Kind> = Record<Name, Kind>

export type EventRow = Columns<'id' | 'tenant_id' | 'type' | 'body' | 'channels', string> &
  Columns<'position' | 'created_at', number> &
  Columns<'idempotency_key' | 'lease_token', string | null>

export function toEventRow(event: NewEvent): Row {
  return {
    id: event.id,
    tenant_id: event.tenantId,
    type: event.type,
    body: event.body,
    channels: JSON.stringify(event.channels),
    idempotency_key: event.idempotencyKey,
    idempotency_hash: idempotencyHash(event),
    created_at: event.createdAt.getTime(),
    fan_out: event.fanOut ? 'waits' : 'never',
  }
}

export function toEvent(row: EventRow): EventRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    type: row.type,
    body: row.body,
    channels: JSON.parse(row.channels),
    idempotencyKey: row.idempotency_key,
    createdAt: new Date(row.created_at),
    position: row.position,
  }
}

/** Stands for tenant and key, which JSON keeps apart. */
export function idempotencyHash({ tenantId, idempotencyKey }: NewEvent): string | null {
  if (idempotencyKey === null) return null
  return createHash('sha256')
    .update(JSON.stringify([tenantId, idempotencyKey]))
    .digest('hex')
}

export type DeliveryRow = Columns<
  'id' | 'tenant_id' | 'event_id' | 'endpoint_id' | 'event_type',
  string
> &
  Columns<'attempts' | 'step' | 'faults' | 'created_at', number> &
  Columns<'due_at' | 'response_status' | 'completed_at', number | null> &
  Columns<'lease_token' | 'last_error', string | null> & {
    status: DeliveryRecord['status']
    cancel_reason: DeliveryRecord['cancelReason']
  }

export function toDeliveryRow(delivery: DeliveryRecord): Row {
  return {
    id: delivery.id,
    tenant_id: delivery.tenantId,
    event_id: delivery.eventId,
    endpoint_id: delivery.endpointId,
    event_type: delivery.eventType,
    status: delivery.status,
    due_at: toMs(delivery.dueAt),
    lease_token: delivery.leaseToken,
    attempts: delivery.attempts,
    step: delivery.step,
    faults: delivery.faults,
    response_status: delivery.responseStatus,
    last_error: delivery.lastError && JSON.stringify(delivery.lastError),
    cancel_reason: delivery.cancelReason,
    created_at: delivery.createdAt.getTime(),
    completed_at: toMs(delivery.completedAt),
  }
}

export function toDelivery(row: DeliveryRow): DeliveryRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    eventType: row.event_type,
    status: row.status,
    dueAt: toDate(row.due_at),
    leaseToken: row.lease_token,
    attempts: row.attempts,
    step: row.step,
    faults: row.faults,
    responseStatus: row.response_status,
    lastError: row.last_error === null ? null : JSON.parse(row.last_error),
    cancelReason: row.cancel_reason,
    createdAt: new Date(row.created_at),
    completedAt: toDate(row.completed_at),
  }
}

/** A delivery at its beginning. */
export function newDelivery(
  given: NewDelivery,
  lease?: { leaseToken: string; leaseUntil: Date },
): DeliveryRecord {
  const isLeased = given.status === 'pending' && lease !== undefined
  return {
    ...given,
    dueAt: isLeased ? lease.leaseUntil : given.dueAt,
    leaseToken: isLeased ? lease.leaseToken : null,
    attempts: 0,
    step: 0,
    faults: 0,
    responseStatus: null,
    lastError: null,
    completedAt: given.status === 'cancelled' ? given.createdAt : null,
  }
}

export function toAttemptRow(attempt: Attempt): Row {
  return {
    delivery_id: attempt.deliveryId,
    id: attempt.id,
    tenant_id: attempt.tenantId,
    endpoint_id: attempt.endpointId,
    started_at: attempt.startedAt.getTime(),
    duration_ms: attempt.durationMs,
    succeeded: attempt.succeeded,
    attempt: JSON.stringify(attempt),
  }
}

export function toAttempt(row: { attempt: string }): Attempt {
  const attempt: Attempt = JSON.parse(row.attempt)
  return { ...attempt, startedAt: new Date(attempt.startedAt) }
}

export type EndpointRow = Columns<'id' | 'tenant_id' | 'settings', string> &
  Columns<
    'active' | 'failed_attempts' | 'active_position' | 'version' | 'created_at' | 'updated_at',
    number
  > &
  Columns<'disabled_at' | 'paused_until' | 'failing_since', number | null> & {
    rate_limit: string | null
  }

/** The columns that the owner's settings fill. */
export function toSettingsRow(endpoint: NewEndpoint): Row {
  const { url, description, events, channels, filter, headers, secrets, retry } = endpoint
  const { metadata, disabledReason, rateLimit, active, disabledAt } = endpoint
  const settings = { url, description, events, channels, filter, headers, secrets, retry }
  return {
    settings: JSON.stringify({ ...settings, metadata, disabledReason }),
    rate_limit: rateLimit && JSON.stringify(rateLimit),
    active,
    disabled_at: toMs(disabledAt),
  }
}

export function toEndpoint(row: EndpointRow): EndpointRecord {
  const settings = JSON.parse(row.settings)
  return {
    ...settings,
    id: row.id,
    tenantId: row.tenant_id,
    secrets: settings.secrets.map((secret: { createdAt: string; expiresAt: string | null }) => ({
      ...secret,
      createdAt: new Date(secret.createdAt),
      expiresAt: secret.expiresAt && new Date(secret.expiresAt),
    })),
    rateLimit: row.rate_limit === null ? null : JSON.parse(row.rate_limit),
    active: Boolean(row.active),
    disabledAt: toDate(row.disabled_at),
    pausedUntil: toDate(row.paused_until),
    failingSince: toDate(row.failing_since),
    failedAttempts: row.failed_attempts,
    activePosition: row.active_position,
    version: row.version,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}

export function toMs(instant: Date | null): number | null {
  return instant === null ? null : instant.getTime()
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
