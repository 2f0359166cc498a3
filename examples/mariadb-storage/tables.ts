/** How the records of the contract are stored: each field in a column, and what stands there. */
import { createHash } from 'node:crypto'
import type {
  Attempt,
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  SecretRecord,
} from '@ainexlayer/webhooks'
import type { Row, Value } from './database.ts'

interface Codec<Field> {
  write(field: Field): Value
  read(stored: Value): Field
}

const text: Codec<string> = { write: (field) => field, read: String }
const number: Codec<number> = { write: (field) => field, read: Number }
const flag: Codec<boolean> = { write: (field) => field, read: Boolean }
/** Epoch milliseconds: exact, and in no time zone. */
const instant: Codec<Date> = {
  write: (field) => field.getTime(),
  read: (stored) => new Date(Number(stored)),
}
const secrets: Codec<SecretRecord[]> = {
  write: (field) => JSON.stringify(field),
  read: (stored) =>
    JSON.parse(String(stored), (key, value) =>
      value !== null && (key === 'createdAt' || key === 'expiresAt') ? new Date(value) : value,
    ),
}

function word<Field extends string>(): Codec<Field> {
  return { write: (field) => field, read: (stored) => String(stored) as Field }
}

function json<Field>(): Codec<Field> {
  return {
    write: (field) => JSON.stringify(field),
    read: (stored) => JSON.parse(String(stored)),
  }
}

function orNull<Field>({ write, read }: Codec<Field>): Codec<Field | null> {
  return {
    write: (field) => (field === null ? null : write(field)),
    read: (stored) => (stored === null ? null : read(stored)),
  }
}

export interface Table<Item> {
  /** Fields that are left out, and those that the table does not know, become no columns. */
  toRow(item: Partial<Item>): Row
  fromRow(row: Row): Item
}

/** The column of `createdAt` is `created_at`. */
function table<Item>(fields: { [Field in keyof Item]-?: Codec<Item[Field]> }): Table<Item> {
  const columns = (Object.keys(fields) as (keyof Item & string)[]).map((field) => ({
    field,
    column: field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  }))
  return {
    toRow(item) {
      const row: Row = {}
      for (const { field, column } of columns) {
        const value = item[field]
        if (value !== undefined) row[column] = fields[field].write(value)
      }
      return row
    },
    fromRow(row) {
      const item: Partial<Item> = {}
      for (const { field, column } of columns) item[field] = fields[field].read(row[column] ?? null)
      return item as Item
    },
  }
}

export const events = table<EventRecord>({
  position: number,
  id: text,
  tenantId: text,
  type: text,
  body: text,
  channels: json(),
  idempotencyKey: orNull(text),
  traceparent: orNull(text),
  createdAt: instant,
})

/** The `due_at` of events that nobody holds. As in the schema, where it is the default. */
export const dueAlways = 0

/** One short text to look for instead of two long ones; JSON keeps tenant and key apart. */
export function idempotencyHash({
  tenantId,
  idempotencyKey,
}: Pick<EventRecord, 'tenantId' | 'idempotencyKey'>): string | null {
  if (idempotencyKey === null) return null
  const both = JSON.stringify([tenantId, idempotencyKey])
  return createHash('sha256').update(both).digest('hex')
}

export const endpoints = table<EndpointRecord>({
  id: text,
  tenantId: text,
  url: text,
  description: text,
  events: json(),
  channels: json(),
  filter: orNull(json()),
  headers: json(),
  secrets,
  rateLimit: orNull(json()),
  retry: orNull(json()),
  metadata: json(),
  active: flag,
  disabledAt: orNull(instant),
  disabledReason: orNull(word()),
  pausedUntil: orNull(instant),
  failingSince: orNull(instant),
  failedAttempts: number,
  activePosition: number,
  version: number,
  createdAt: instant,
  updatedAt: instant,
})

export const deliveries = table<DeliveryRecord>({
  id: text,
  tenantId: text,
  eventId: text,
  endpointId: text,
  eventType: text,
  status: word(),
  dueAt: orNull(instant),
  leaseToken: orNull(text),
  attempts: number,
  step: number,
  faults: number,
  responseStatus: orNull(number),
  lastError: orNull(json()),
  cancelReason: orNull(word()),
  createdAt: instant,
  completedAt: orNull(instant),
})

export const attempts = table<Attempt>({
  id: text,
  tenantId: text,
  deliveryId: text,
  eventId: text,
  endpointId: text,
  number,
  startedAt: instant,
  durationMs: number,
  succeeded: flag,
  url: text,
  requestHeaders: json(),
  response: orNull(json()),
  error: orNull(json()),
})
