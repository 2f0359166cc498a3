import type { Lease, Storage } from '../storage.ts'
import { listPage } from './lists.ts'
import type { DeliveryRow } from './rows.ts'
import { SortedList } from './sorted-list.ts'
import { copyDelivery, copyEvent, readEndpoints, type Tables } from './tables.ts'

type DeliveryMethods = Pick<
  Storage,
  | 'insertDeliveries'
  | 'claimDeliveries'
  | 'renewLeases'
  | 'releaseDeliveries'
  | 'settleDeliveries'
  | 'requeueDeliveries'
  | 'cancelDeliveries'
  | 'getDelivery'
  | 'listDeliveries'
  | 'listAttempts'
  | 'nextDueAt'
>

export function deliveryMethods(tables: Tables): DeliveryMethods {
  return {
    async insertDeliveries({ deliveries }) {
      return deliveries.filter((given) => tables.addDelivery(given)).map(({ id }) => id)
    },

    async claimDeliveries({ now, leaseToken, leaseUntil, limit, ...share }) {
      const { perEndpoint, inFlight, probeFrom } = share
      const room = new Map<string, number>()
      const roomOf = (id: string) => room.get(id) ?? perEndpoint - (inFlight.get(id) ?? 0)
      const claimed = tables.deliveryQueue.lease(now.getTime(), leaseUntil.getTime(), limit, {
        left: ({ id }) => roomOf(id),
        take: (endpoint) => {
          room.set(endpoint.id, roomOf(endpoint.id) - 1)
          const { record, deletedAt } = endpoint
          const isProbed = record.active && record.failedAttempts >= probeFrom
          if (!isProbed || deletedAt !== null) return
          endpoint.probe = { leaseToken, until: leaseUntil.getTime() }
        },
      })
      for (const { record } of claimed) {
        record.leaseToken = leaseToken
        record.dueAt = leaseUntil
      }
      const events = new Set(claimed.map((row) => row.event))
      const endpoints = new Set(claimed.map((row) => row.endpoint))
      return {
        deliveries: claimed.map(copyDelivery),
        events: [...events].map(copyEvent),
        endpoints: readEndpoints(endpoints),
      }
    },

    async renewLeases({ leases, leaseUntil }) {
      const held = heldRows(tables, leases)
      for (const row of held) {
        if (row.record.status === 'pending') {
          tables.schedule(row, leaseUntil, row.record.leaseToken)
        }
      }
      return idsOf(held)
    },

    async releaseDeliveries({ now, leases }) {
      for (const row of heldRows(tables, leases)) {
        row.record.leaseToken = null
        if (row.record.status === 'pending') tables.schedule(row, now)
      }
    },

    async settleDeliveries({ settlements }) {
      return settlements
        .filter((settlement) => {
          const row = tables.deliveries.get(settlement.id)
          return row !== undefined && tables.settle(row, settlement)
        })
        .map(({ id }) => id)
    },

    async requeueDeliveries({ tenantId, ids, now }) {
      return idsOf(rowsOf(tables, tenantId, ids).filter((row) => requeue(tables, row, now)))
    },

    async cancelDeliveries({ tenantId, which, reason, now, limit }) {
      const rows = 'ids' in which ? rowsOf(tables, tenantId, which.ids) : pendingOf(which)
      const cancelled: string[] = []
      for (const row of rows) {
        if (cancelled.length >= limit) break
        if (row.record.status !== 'pending') continue
        row.record.cancelReason = reason
        tables.finish(row, 'cancelled', now)
        cancelled.push(row.id)
      }
      return cancelled

      /** Taken one by one from the end of the endpoint's heap, as each is cancelled. */
      function* pendingOf({ endpointId }: { endpointId: string }): Generator<DeliveryRow> {
        const endpoint = tables.endpoints.get(endpointId)
        if (endpoint?.tenant.id !== tenantId) return
        for (let row = endpoint.pending.last(); row; row = endpoint.pending.last()) yield row
      }
    },

    async getDelivery({ tenantId, id }) {
      const [row] = rowsOf(tables, tenantId, [id])
      return row === undefined ? null : copyDelivery(row)
    },

    async listDeliveries({ tenantId, endpointId, eventId, type, status, since, until, ...page }) {
      const rows = narrowest(tables, tenantId, endpointId, eventId)
      const conditions = [
        (eventId !== undefined || endpointId !== undefined) &&
          (({ record }: DeliveryRow) => record.tenantId === tenantId),
        eventId !== undefined &&
          endpointId !== undefined &&
          (({ record }: DeliveryRow) => record.endpointId === endpointId),
        type !== undefined && (({ record }: DeliveryRow) => record.eventType === type),
        status !== undefined && (({ record }: DeliveryRow) => record.status === status),
        since !== undefined && (({ record }: DeliveryRow) => record.createdAt >= since),
        until !== undefined && (({ record }: DeliveryRow) => record.createdAt < until),
      ]
      return listPage(rows, conditions, page, copyDelivery)
    },

    async listAttempts({ tenantId, deliveryIds }) {
      return rowsOf(tables, tenantId, deliveryIds)
        .flatMap((row) => row.attempts)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((attempt) => ({ ...attempt }))
    },

    async nextDueAt({ exclude }) {
      const events = tables.fanOutQueue.nextDueAt()
      const deliveries = tables.deliveryQueue.nextDueAt(new Set(exclude))
      if (events === null && deliveries === null) return null
      return new Date(Math.min(events ?? Infinity, deliveries ?? Infinity))
    },
  }
}

function idsOf(rows: DeliveryRow[]): string[] {
  return rows.map(({ id }) => id)
}

/** The tenant's rows of these ids, each once. */
function rowsOf(tables: Tables, tenantId: string, ids: string[]): DeliveryRow[] {
  return [...new Set(ids)]
    .map((id) => tables.deliveries.get(id))
    .filter((row) => row !== undefined)
    .filter((row) => row.tenant.id === tenantId)
}

/** The rows that hold the token under which they are named, each once. */
function heldRows(tables: Tables, leases: Lease[]): DeliveryRow[] {
  const held = new Set<DeliveryRow>()
  for (const { id, leaseToken } of leases) {
    const row = tables.deliveries.get(id)
    if (row?.record.leaseToken === leaseToken) held.add(row)
  }
  return [...held]
}

function requeue(tables: Tables, row: DeliveryRow, now: Date): boolean {
  const { record } = row
  if (record.status === 'pending') {
    const isUnderWay = record.leaseToken !== null && record.dueAt !== null && record.dueAt > now
    if (isUnderWay) return false
  } else {
    record.step = 0
    record.faults = 0
    record.completedAt = null
    record.cancelReason = null
  }
  tables.schedule(row, now)
  return true
}

/** The shortest list that holds all matches of a listing. */
function narrowest(
  tables: Tables,
  tenantId: string,
  endpointId: string | undefined,
  eventId: string | undefined,
): SortedList<DeliveryRow> | undefined {
  if (eventId !== undefined) {
    const ofEvent = new SortedList<DeliveryRow>()
    for (const row of tables.events.get(eventId)?.deliveries.values() ?? []) ofEvent.add(row)
    return ofEvent
  }
  if (endpointId !== undefined) return tables.endpoints.get(endpointId)?.deliveries
  return tables.tenants.get(tenantId)?.deliveries
}
