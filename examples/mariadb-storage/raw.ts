/** What is stored, read by statements that know the tables and nothing of the adapter. */
import type { RawRows } from '@ainexlayer/webhooks/testing'
import type { Connection, RowDataPacket } from 'mysql2/promise'

export async function readRaw(connection: Connection, database: string): Promise<RawRows> {
  const all = async (table: string) => {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT * FROM ${database}.${table}`)
    return rows
  }
  const instant = (ms: number) => new Date(ms)
  const instantOrNull = (ms: number | null) => (ms === null ? null : new Date(ms))
  return {
    events: (await all('webhooks_events')).map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      type: row.type,
      body: row.body,
      idempotencyKey: row.idempotency_key,
      createdAt: instant(row.created_at),
    })),
    endpoints: (await all('webhooks_endpoints')).map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      url: row.url,
      active: row.active === 1,
      pausedUntil: instantOrNull(row.paused_until),
      failedAttempts: row.failed_attempts,
      headers: JSON.parse(row.headers),
      secrets: JSON.parse(row.secrets).map(({ value }: { value: string }) => value),
      deleted: row.deleted_at !== null,
    })),
    deliveries: (await all('webhooks_deliveries')).map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      eventId: row.event_id,
      endpointId: row.endpoint_id,
      status: row.status,
      attempts: row.attempts,
      dueAt: instantOrNull(row.due_at),
      leaseToken: row.lease_token,
    })),
    attempts: (await all('webhooks_attempts')).map((row) => {
      const response = row.response === null ? null : JSON.parse(row.response)
      return {
        id: row.id,
        tenantId: row.tenant_id,
        deliveryId: row.delivery_id,
        number: row.number,
        succeeded: row.succeeded === 1,
        responseStatus: response?.status ?? null,
        responseBody: response?.body ?? null,
      }
    }),
  }
}
