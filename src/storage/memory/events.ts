import { WebhooksError } from '../../errors.ts'
import type { FanOutAnswer, InsertedEvent, NewEvent, Settlement, Storage } from '../storage.ts'
import { listPage } from './lists.ts'
import { always, type EventRow, tenantIn } from './rows.ts'
import { copyEvent, type Tables } from './tables.ts'

type EventMethods = Pick<
  Storage,
  | 'insertEvents'
  | 'getEvents'
  | 'listEvents'
  | 'listEventsWithoutDelivery'
  | 'claimEvents'
  | 'fanOut'
  | 'releaseEvents'
>

function withoutTransactions(): WebhooksError {
  return new WebhooksError(
    'transaction_unsupported',
    'The memory storage has no transactions: emit without one, after the commit',
  )
}

export function eventMethods(tables: Tables): EventMethods {
  return {
    async insertEvents({ events, transaction }) {
      if (transaction !== undefined) throw withoutTransactions()
      return events.map((event) => insertEvent(tables, event))
    },

    async getEvents({ tenantId, ids }) {
      return [...new Set(ids)]
        .map((id) => tables.events.get(id))
        .filter((row) => row !== undefined)
        .filter((row) => row.tenant.id === tenantId)
        .map(copyEvent)
    },

    async listEvents({ tenantId, type, since, until, ...page }) {
      const rows = tables.tenants.get(tenantId)?.events
      const conditions = [
        type !== undefined && ((row: EventRow) => row.record.type === type),
        since !== undefined && ((row: EventRow) => row.record.createdAt >= since),
        until !== undefined && ((row: EventRow) => row.record.createdAt < until),
      ]
      return listPage(rows, conditions, page, copyEvent)
    },

    async listEventsWithoutDelivery({ tenantId, endpointId, since, until, after, limit }) {
      const found: EventRow[] = []
      for (const row of tables.tenants.get(tenantId)?.events.ascending(after) ?? []) {
        if (found.length >= limit) break
        const { createdAt } = row.record
        const isMissing = row.fansOut && !row.waits && !row.deliveries.has(endpointId)
        if (isMissing && createdAt >= since && createdAt < until) found.push(row)
      }
      return found.map(copyEvent)
    },

    async claimEvents({ now, leaseToken, leaseUntil, limit }) {
      const claimed = tables.fanOutQueue.take(now.getTime(), limit)
      for (const row of claimed) {
        row.leaseToken = leaseToken
        tables.fanOutQueue.wait(row, leaseUntil.getTime())
      }
      return claimed.map(copyEvent)
    },

    async fanOut({ results, settlements = [] }) {
      const answer: FanOutAnswer = { events: [], settled: [] }
      const settlementOf = firstOfEach(settlements)
      for (const { eventId, leaseToken, deliveries, done } of results) {
        const row = tables.events.get(eventId)
        if (row?.leaseToken !== leaseToken) continue
        for (const delivery of deliveries) {
          const settlement = settlementOf.get(delivery.id)
          if (settlement === undefined || settlement.leaseToken !== delivery.leaseToken) {
            tables.addDelivery(delivery)
          } else if (tables.addSettled(delivery, settlement)) {
            answer.settled.push(delivery.id)
          }
        }
        if (done) endWait(tables, row)
        answer.events.push(eventId)
      }
      return answer
    },

    async releaseEvents({ leases }) {
      for (const { id, leaseToken } of leases) {
        const row = tables.events.get(id)
        if (row?.leaseToken !== leaseToken) continue
        row.leaseToken = null
        tables.fanOutQueue.wait(row, always)
      }
    },
  }
}

function insertEvent(tables: Tables, { fanOut, lease, ...event }: NewEvent): InsertedEvent {
  const repeated = tables.events.get(event.id)
  if (repeated !== undefined) return answer(repeated, true)
  const tenant = tenantIn(tables.tenants, event.tenantId)
  const standing =
    event.idempotencyKey === null ? undefined : tenant.eventsByKey.get(event.idempotencyKey)
  if (standing !== undefined) return answer(standing, false)
  tables.position += 1
  const row: EventRow = {
    id: event.id,
    record: { ...event, channels: [...event.channels], position: tables.position },
    tenant,
    fansOut: fanOut,
    waits: fanOut,
    dueAt: always,
    leaseToken: lease?.leaseToken ?? null,
    deliveries: new Map(),
    heap: null,
    heapIndex: 0,
  }
  tables.events.set(row.id, row)
  tenant.events.add(row)
  if (event.idempotencyKey !== null) tenant.eventsByKey.set(event.idempotencyKey, row)
  if (fanOut) tables.fanOutQueue.wait(row, lease?.leaseUntil.getTime() ?? always)
  else tables.noteChildless(row)
  return answer(row, true)
}

function answer({ id, record }: EventRow, inserted: boolean): InsertedEvent {
  const { createdAt, position } = record
  return { id, createdAt, position, inserted }
}

function firstOfEach(settlements: Settlement[]): Map<string, Settlement> {
  return new Map(settlements.toReversed().map((settlement) => [settlement.id, settlement]))
}

function endWait(tables: Tables, row: EventRow): void {
  tables.fanOutQueue.remove(row)
  row.waits = false
  row.leaseToken = null
  tables.noteChildless(row)
}
