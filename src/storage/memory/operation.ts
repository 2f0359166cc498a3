import type { BacklogRecord, StatsRecord, Storage, WaitingRecord } from '../storage.ts'
import type { DeliveryRow, EventRow } from './rows.ts'
import type { Tables } from './tables.ts'

export function operationMethods(tables: Tables): Pick<Storage, 'stats' | 'backlog' | 'prune'> {
  return {
    async stats({ tenantId, endpointId, since, until }) {
      const tenant = tables.tenants.get(tenantId)
      const deliveries =
        endpointId === undefined ? tenant?.deliveries : tables.endpoints.get(endpointId)?.deliveries
      const stats = figures(deliveries?.ascending() ?? [], tenantId, (at) =>
        isWithin(at, since, until),
      )
      if (endpointId === undefined) {
        for (const event of tenant?.events.ascending() ?? []) stats.backlog += event.waits ? 1 : 0
      }
      return stats
    },

    async backlog({ now }) {
      return {
        events: waitingEvents(tables),
        deliveries: pendingDeliveries(tables),
        endpoints: endpointStates(tables, now),
      }
    },

    async prune({ before, limit }) {
      const deliveries = pruneDeliveries(tables, before, limit)
      const events = pruneEvents(tables, before, limit - deliveries)
      pruneEndpoints(tables, before)
      return { deliveries, events }
    },
  }
}

function waitingEvents({ events }: Tables): WaitingRecord {
  let count = 0
  let oldest: EventRow | null = null
  // In the order of insertion, which is that of positions.
  for (const row of events.values()) {
    if (!row.waits) continue
    count += 1
    oldest ??= row
  }
  return { count, oldestAt: oldest?.record.createdAt ?? null }
}

function pendingDeliveries({ tenants }: Tables): WaitingRecord {
  let count = 0
  const firsts: Date[] = []
  for (const { deliveries } of tenants.values()) {
    let isFirst = true
    for (const { record } of deliveries.ascending()) {
      if (record.status !== 'pending') continue
      count += 1
      if (isFirst) firsts.push(record.createdAt)
      isFirst = false
    }
  }
  return { count, oldestAt: firsts.sort((a, b) => a.getTime() - b.getTime())[0] ?? null }
}

function endpointStates({ endpoints }: Tables, now: Date): BacklogRecord['endpoints'] {
  const states = { disabled: 0, paused: 0, failing: 0, healthy: 0 }
  for (const { record, deletedAt } of endpoints.values()) {
    if (deletedAt !== null) continue
    if (!record.active) states.disabled += 1
    else if (record.pausedUntil !== null && record.pausedUntil > now) states.paused += 1
    else if (record.failingSince !== null) states.failing += 1
    else states.healthy += 1
  }
  return states
}

function isWithin(at: Date, since: Date, until: Date | undefined): boolean {
  return at >= since && (until === undefined || at < until)
}

function figures(
  rows: Iterable<DeliveryRow>,
  tenantId: string,
  counts: (at: Date) => boolean,
): StatsRecord {
  const deliveries = { pending: 0, succeeded: 0, failed: 0, cancelled: 0 }
  const durations: number[] = []
  let failed = 0
  let backlog = 0
  let oldestPendingAt: Date | null = null
  for (const { record, attempts } of rows) {
    if (record.tenantId !== tenantId) continue
    if (counts(record.createdAt)) deliveries[record.status] += 1
    if (record.status === 'pending') {
      backlog += 1
      if (oldestPendingAt === null || record.createdAt < oldestPendingAt) {
        oldestPendingAt = record.createdAt
      }
    }
    for (const attempt of attempts) {
      if (!counts(attempt.startedAt)) continue
      if (attempt.succeeded) durations.push(attempt.durationMs)
      else failed += 1
    }
  }
  durations.sort((a, b) => a - b)
  return {
    deliveries,
    attempts: { succeeded: durations.length, failed },
    durationMs: {
      p50: percentile(durations, 50),
      p95: percentile(durations, 95),
      p99: percentile(durations, 99),
    },
    backlog,
    oldestPendingAt,
  }
}

/** Nearest rank: the smallest value that at least so many per cent of all do not exceed. */
function percentile(sorted: number[], percent: number): number | null {
  return sorted[Math.ceil((percent * sorted.length) / 100) - 1] ?? null
}

function pruneDeliveries(tables: Tables, before: Date, limit: number): number {
  let count = 0
  for (; count < limit; count += 1) {
    const row = tables.finished.first()
    if (row === undefined || row.orderedBy >= before.getTime()) break
    tables.removeDelivery(row)
  }
  return count
}

function pruneEvents(tables: Tables, before: Date, limit: number): number {
  let count = 0
  for (; count < limit; count += 1) {
    const row = tables.childless.first()
    if (row === undefined || row.record.createdAt >= before) break
    removeEvent(tables, row)
  }
  return count
}

function removeEvent(tables: Tables, row: EventRow): void {
  const { tenant, record } = row
  tables.childless.delete(row)
  tables.events.delete(row.id)
  tenant.events.delete(row)
  if (record.idempotencyKey !== null) tenant.eventsByKey.delete(record.idempotencyKey)
}

function pruneEndpoints(tables: Tables, before: Date): void {
  for (const row of tables.deletedEndpoints) {
    if (row.deliveries.size > 0 || (row.deletedAt ?? 0) >= before.getTime()) continue
    tables.deletedEndpoints.delete(row)
    tables.endpoints.delete(row.id)
  }
}
