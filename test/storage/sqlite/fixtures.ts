import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { type SqliteStorageOptions, sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import type { NewDelivery, NewEndpoint, NewEvent, Storage } from '../../../src/storage/storage.ts'

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function temporaryFile(): string {
  return join(temporaryFolder(), 'webhooks.db')
}

/** An open storage that closes with the test. */
export async function openStorage(
  options: SqliteStorageOptions = { path: temporaryFile() },
): Promise<Storage<DatabaseSync>> {
  const storage = sqliteStorage(options)
  await storage.open()
  onTestFinished(() => storage.close())
  return storage
}

export const start = new Date('2030-01-01T00:00:00.000Z')

export function after(ms: number): Date {
  return new Date(start.getTime() + ms)
}

let lastId = 0

export function newId(prefix: string): string {
  lastId += 1
  return `${prefix}_${String(lastId).padStart(12, '0')}`
}

export function newEvent(given: Partial<NewEvent> = {}): NewEvent {
  return {
    id: newId('evt'),
    tenantId: 'tenant',
    type: 'document.processed',
    body: '{}',
    channels: [],
    idempotencyKey: null,
    traceparent: null,
    createdAt: start,
    fanOut: true,
    lease: null,
    ...given,
  }
}

export function newEndpoint(given: Partial<NewEndpoint> = {}): NewEndpoint {
  return {
    id: newId('ep'),
    tenantId: 'tenant',
    url: 'https://receiver.example/',
    description: '',
    events: ['*'],
    channels: [],
    filter: null,
    headers: {},
    secrets: [{ value: 'whsec_x', createdAt: start, expiresAt: null }],
    rateLimit: null,
    retry: null,
    metadata: {},
    active: true,
    disabledAt: null,
    disabledReason: null,
    createdAt: start,
    ...given,
  }
}

export function newDelivery(
  event: NewEvent,
  endpointId: string,
  given: Partial<NewDelivery> = {},
): NewDelivery {
  return {
    id: newId('dlv'),
    tenantId: event.tenantId,
    eventId: event.id,
    endpointId,
    eventType: event.type,
    status: 'pending',
    cancelReason: null,
    dueAt: start,
    leaseToken: null,
    createdAt: start,
    ...given,
  }
}

/** Pending deliveries, one event each, spread over the endpoints. */
export async function addDeliveries(
  storage: Storage<DatabaseSync>,
  count: number,
  endpointIds: string[],
  tenantId = 'tenant',
): Promise<NewDelivery[]> {
  const added: NewDelivery[] = []
  for (let first = 0; first < count; first += 1_000) {
    const size = Math.min(1_000, count - first)
    const events = Array.from({ length: size }, () =>
      newEvent({ tenantId, fanOut: false, lease: null }),
    )
    await storage.insertEvents({ events })
    const deliveries = events.map((event, index) =>
      newDelivery(event, endpointIds[(first + index) % endpointIds.length] ?? 'ep_none'),
    )
    await storage.insertDeliveries({ deliveries })
    added.push(...deliveries)
  }
  return added
}

export function claim(
  storage: Storage<DatabaseSync>,
  given: Partial<Parameters<Storage['claimDeliveries']>[0]> = {},
): ReturnType<Storage['claimDeliveries']> {
  const now = given.now ?? after(1_000)
  return storage.claimDeliveries({
    now,
    leaseToken: newId('lease'),
    leaseUntil: new Date(now.getTime() + 60_000),
    limit: 64,
    perEndpoint: 8,
    inFlight: new Map(),
    probeFrom: 10,
    ...given,
  })
}
