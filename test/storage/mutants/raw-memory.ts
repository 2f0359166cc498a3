import type { Tables } from '../../../src/storage/memory/tables.ts'
import type { RawRows } from '../../../src/testing/index.ts'

/** What a memory storage holds, past its methods. */
export function readRawMemory(tables: Tables): RawRows {
  const deliveries = [...tables.deliveries.values()]
  return structuredClone({
    events: [...tables.events.values()].map(({ record }) => {
      const { id, tenantId, type, body, idempotencyKey, createdAt } = record
      return { id, tenantId, type, body, idempotencyKey, createdAt }
    }),
    endpoints: [...tables.endpoints.values()].map(({ record, deletedAt }) => {
      const { id, tenantId, url, active, pausedUntil, failedAttempts, headers, secrets } = record
      const settings = { url, active, headers, secrets: secrets.map(({ value }) => value) }
      return { id, tenantId, ...settings, pausedUntil, failedAttempts, deleted: deletedAt !== null }
    }),
    deliveries: deliveries.map(({ record }) => {
      const { id, tenantId, eventId, endpointId, status, attempts, dueAt, leaseToken } = record
      return { id, tenantId, eventId, endpointId, status, attempts, dueAt, leaseToken }
    }),
    attempts: deliveries.flatMap((row) =>
      row.attempts.map(({ id, tenantId, deliveryId, number, succeeded, response }) => {
        const answer = {
          responseStatus: response?.status ?? null,
          responseBody: response?.body ?? null,
        }
        return { id, tenantId, deliveryId, number, succeeded, ...answer }
      }),
    ),
  })
}
