import type { EndpointRecord, EventRecord, FanOutAnswer, Lease, Storage } from '../storage.ts'
import type { Statements, Value } from './database.ts'
import { insertDelivery } from './deliveries.ts'
import type { EndpointCache } from './endpoint-cache.ts'
import type { EventCache } from './event-cache.ts'
import { KeptEvents, releaseEndedEvents, waitAgain, waitUnderLease } from './kept-events.ts'
import { Wakes } from './lanes.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'
import { insertSettled } from './settle.ts'
import { type StoredText, storeText } from './text.ts'

/** Skips the events that a worker holds: as many as workers lease, whatever the backlog. */
const due = `fan_out = 'wait' AND NOT EXISTS (
  SELECT 1 FROM webhooks_event_leases AS lease
  WHERE lease.event_id = webhooks_events.event_id AND lease.due_at > :now)`

const waitingEvents = 'webhooks_events INDEXED BY webhooks_events_waiting'

export function claimEvents(
  statements: Statements,
  params: Parameters<Storage['claimEvents']>[0],
  cache: EventCache,
): EventRecord[] {
  releaseEndedEvents(statements, params.now)
  const now = params.now.getTime()
  const claimed: EventRecord[] = []
  const lastServed = readLastServed(statements)
  let served = lastServed
  let tenants = nextTenants(statements, lastServed, now, params.limit)
  while (tenants.length > 0 && claimed.length < params.limit) {
    const left = params.limit - claimed.length
    const share = Math.max(1, Math.floor(left / tenants.length))
    tenants = tenants.filter((tenant) => {
      if (claimed.length >= params.limit) return false
      const rows = dueEvents(statements, tenant, now, share)
      for (const event of rows.map(toEventRecord)) {
        lease(statements, event.id, params)
        claimed.push(event)
        cache.keep(event)
      }
      if (rows.length > 0) served = tenant
      return rows.length === share
    })
  }
  if (served !== lastServed) writeLastServed(statements, served)
  return claimed
}

/** Turns among tenants go by their ids, round and round: the claim before this one ended here. */
function readLastServed(statements: Statements): StoredText {
  const sql = "SELECT value FROM webhooks_state WHERE name = 'fan_out_tenant'"
  return statements.get<{ value: StoredText }>(sql)?.value ?? ''
}

function writeLastServed(statements: Statements, tenant: StoredText): void {
  statements.run("UPDATE webhooks_state SET value = ? WHERE name = 'fan_out_tenant'", tenant)
}

/**
 * Tenants with due events, at most `limit`, from the one after `start` on. Finds each by one step
 * in the index, past its backlog.
 */
function nextTenants(
  statements: Statements,
  start: StoredText,
  now: number,
  limit: number,
): StoredText[] {
  const tenants: StoredText[] = []
  const stretches = [
    { after: start, upTo: null },
    { after: '', upTo: start },
  ]
  for (const { after, upTo } of stretches) {
    let next = tenantAfter(statements, after, upTo, now)
    while (next !== undefined && tenants.length < limit) {
      tenants.push(next)
      next = tenantAfter(statements, next, upTo, now)
    }
  }
  return tenants
}

function tenantAfter(
  statements: Statements,
  after: StoredText,
  upTo: StoredText | null,
  now: number,
): StoredText | undefined {
  const end: Record<string, Value> = upTo === null ? {} : { upTo }
  return statements.get<{ tenant_id: StoredText }>(
    `SELECT tenant_id FROM ${waitingEvents}
      WHERE tenant_id > :after ${upTo === null ? '' : 'AND tenant_id <= :upTo'} AND ${due}
      ORDER BY tenant_id LIMIT 1`,
    { after, now, ...end },
  )?.tenant_id
}

function dueEvents(
  statements: Statements,
  tenant: StoredText,
  now: number,
  limit: number,
): EventRow[] {
  return statements.allTuples<EventRow>(
    `SELECT ${eventColumns} FROM ${waitingEvents}
      WHERE tenant_id = :tenant AND ${due} ORDER BY position LIMIT +:limit`,
    { tenant, now, limit },
  )
}

function lease(
  statements: Statements,
  eventId: string,
  { leaseToken, leaseUntil }: { leaseToken: string; leaseUntil: Date },
): void {
  statements.run(
    'REPLACE INTO webhooks_event_leases (event_id, lease_token, due_at) VALUES (?, ?, ?)',
    eventId,
    storeText(leaseToken),
    leaseUntil.getTime(),
  )
}

export function listSubscribers(
  statements: Statements,
  params: Parameters<Storage['listSubscribers']>[0],
  endpoints: EndpointCache,
): EndpointRecord[] {
  const rows = statements.all<{ endpoint_id: string }>(
    `SELECT endpoint_id FROM webhooks_endpoints INDEXED BY webhooks_endpoints_by_id
      WHERE tenant_id = ? AND endpoint_id > ? AND deleted_at IS NULL AND active_position < ?
        AND (active = 1 OR disabled_at >= ?)
      ORDER BY endpoint_id LIMIT +?`,
    storeText(params.tenantId),
    params.after ?? '',
    params.position,
    params.emittedAt.getTime(),
    params.limit,
  )
  return rows.flatMap((row) => endpoints.read(statements, row.endpoint_id) ?? [])
}

export function fanOut(
  statements: Statements,
  { now, results, settlements = [] }: Parameters<Storage['fanOut']>[0],
): FanOutAnswer {
  const wakes = new Wakes()
  const kept = new KeptEvents(statements)
  const settlementOf = new Map(settlements.toReversed().map((given) => [given.id, given]))
  const events = new Set<string>()
  const settled: string[] = []
  for (const { eventId, leaseToken, deliveries, done } of results) {
    const keptUntil = kept.take({ id: eventId, leaseToken })
    if (keptUntil !== null && !done) {
      waitUnderLease(statements, eventId, { token: storeText(leaseToken), dueAt: keptUntil })
    }
    const isHeld = done
      ? keptUntil !== null || endLease(statements, eventId, leaseToken)
      : holds(statements, eventId, leaseToken)
    if (!isHeld) continue
    for (const delivery of deliveries) {
      const settlement = settlementOf.get(delivery.id)
      if (settlement === undefined || settlement.leaseToken !== delivery.leaseToken) {
        insertDelivery(statements, delivery, { now, wakes })
      } else if (insertSettled(statements, delivery, settlement, { now, wakes })) {
        settled.push(delivery.id)
      }
    }
    const isAsItWasKept = keptUntil !== null && deliveries.length > 0
    if (done && !isAsItWasKept) endWait(statements, eventId, deliveries.length > 0)
    events.add(eventId)
  }
  kept.write()
  wakes.write(statements)
  return { events: [...events], settled }
}

function holds(statements: Statements, eventId: string, leaseToken: string): boolean {
  const sql = 'SELECT 1 FROM webhooks_event_leases WHERE event_id = ? AND lease_token = ?'
  return statements.get(sql, eventId, storeText(leaseToken)) !== undefined
}

/** @param owed - Whether it is known to have deliveries: parts before this one may have had some. */
function endWait(statements: Statements, eventId: string, owed: boolean): void {
  const isOwed = `EXISTS (
    SELECT 1 FROM webhooks_deliveries AS delivery
    WHERE delivery.event_id = webhooks_events.event_id)`
  statements.run(
    `UPDATE webhooks_events SET fan_out = 'done', owed = ${owed ? 1 : isOwed} WHERE event_id = ?`,
    eventId,
  )
}

/** @returns Whether it was held under that token. */
function endLease(statements: Statements, eventId: string, leaseToken: string): boolean {
  const sql = 'DELETE FROM webhooks_event_leases WHERE event_id = ? AND lease_token = ?'
  return statements.run(sql, eventId, storeText(leaseToken)) > 0
}

export function releaseEvents(statements: Statements, { leases }: { leases: Lease[] }): void {
  const kept = new KeptEvents(statements)
  for (const lease of leases) {
    if (kept.take(lease) !== null) waitAgain(statements, lease.id)
    else endLease(statements, lease.id, lease.leaseToken)
  }
  kept.write()
}
