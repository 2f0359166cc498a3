import type { ClaimedDeliveries, DeliveryRecord, Storage } from '../storage.ts'
import type { Statements } from './database.ts'
import type { EndpointCache } from './endpoint-cache.ts'
import type { EventCache } from './event-cache.ts'
import { queued, Turns } from './lanes.ts'
import { leaseDelivery, noticeEndedLeases } from './leases.ts'
import { firstDueAt, lanesInTurn, type QueuedLane, tenantsInTurn } from './queue.ts'
import { type DeliveryRow, deliveryColumns, toDeliveryRecord } from './rows.ts'
import { type StoredText, storeText } from './text.ts'

type ClaimParams = Parameters<Storage['claimDeliveries']>[0]

/** What need not be read again. */
interface Caches {
  events: EventCache
  endpoints: EndpointCache
}

/**
 * Leases due deliveries in rounds: one of each ready tenant, and again, and within a tenant one of
 * each ready lane. Reads as many rows as it leases, and a few more, however many wait.
 */
export function claimDeliveries(
  statements: Statements,
  params: ClaimParams,
  { events, endpoints }: Caches,
): ClaimedDeliveries {
  noticeEndedLeases(statements, params.now)
  const deliveries = new Claim(statements, params).run()
  const eventIds = new Set(deliveries.map((delivery) => delivery.eventId))
  const endpointIds = new Set(deliveries.map((delivery) => delivery.endpointId))
  return {
    deliveries,
    events: [...eventIds].flatMap((id) => events.read(statements, id) ?? []),
    endpoints: [...endpointIds].flatMap((id) => endpoints.read(statements, id) ?? []),
  }
}

/**
 * Tenants and lanes in which one claim looks in vain at most. They are put in their right place, so
 * that the next claim gets further.
 */
const mostVainVisits = 1_000

interface Tenant {
  id: StoredText
  /** Its ready lanes that had no turn in this claim yet. */
  newcomers: Iterator<Lane, undefined>
  /** Whether there are no more of them. */
  isThrough: boolean
  /** Those that had, in turn. */
  queue: Lane[]
  /** All that were looked at; who was served last stands last. */
  visited: Set<Lane>
  leased: number
}

interface Lane extends QueuedLane {
  /** Whether what is leased of it is its probe. */
  isProbed: boolean
  /** How many may be leased in this claim. */
  room: number
  leased: number
  /** Due deliveries that are not yet leased, read `readAhead` at a time. */
  ahead: DeliveryRecord[]
  readAhead: number
}

class Claim {
  readonly #statements: Statements
  readonly #params: ClaimParams
  readonly #now: number
  readonly #turns: Turns
  readonly #leased: DeliveryRecord[] = []
  /** All that were looked at; who was served last stands last. */
  readonly #tenants = new Set<Tenant>()
  #isThrough = false
  #vainVisits = 0

  /** Whether to make do with what was found. With nothing found yet, the search goes on. */
  get #isWeary(): boolean {
    return this.#leased.length > 0 && this.#vainVisits > mostVainVisits
  }

  constructor(statements: Statements, params: ClaimParams) {
    this.#statements = statements
    this.#params = params
    this.#now = params.now.getTime()
    this.#turns = new Turns(statements)
  }

  run(): DeliveryRecord[] {
    const newcomers = this.#newTenants()
    const queue: Tenant[] = []
    while (this.#leased.length < this.#params.limit) {
      const newcomer = newcomers.next()
      if (newcomer.done) this.#isThrough = true
      const tenant = newcomer.value ?? queue.shift()
      if (tenant === undefined || this.#isWeary) break
      moveToEnd(this.#tenants, tenant)
      if (this.#serve(tenant)) queue.push(tenant)
      else this.#vainVisits += 1
    }
    this.#writeTurns()
    return this.#leased
  }

  /** Leases a delivery of the tenant's next lane that has one. @returns Whether there was one. */
  #serve(tenant: Tenant): boolean {
    while (!this.#isWeary) {
      const newcomer = tenant.newcomers.next()
      if (newcomer.done) tenant.isThrough = true
      const lane = newcomer.value ?? tenant.queue.shift()
      if (lane === undefined) return false
      moveToEnd(tenant.visited, lane)
      const delivery = this.#nextDue(lane)
      if (delivery === undefined) {
        this.#vainVisits += 1
        continue
      }
      this.#lease(delivery)
      lane.leased += 1
      tenant.leased += 1
      tenant.queue.push(lane)
      return true
    }
    return false
  }

  #nextDue(lane: Lane): DeliveryRecord | undefined {
    const room = lane.room - lane.leased
    if (room <= 0) return undefined
    if (lane.ahead.length === 0) {
      const rows = this.#statements.allTuples<DeliveryRow>(
        `SELECT ${deliveryColumns} FROM webhooks_deliveries AS delivery
            INDEXED BY webhooks_deliveries_pending
          LEFT JOIN webhooks_delivery_leases AS lease ON lease.delivery_id = delivery.delivery_id
          WHERE endpoint_id = ? AND delivery.due_at <= ? AND coalesce(lease.due_at, 0) <= ?
          ORDER BY delivery.due_at LIMIT +?`,
        lane.endpointId,
        this.#now,
        this.#now,
        Math.min(lane.readAhead, room),
      )
      lane.ahead = rows.map(toDeliveryRecord)
    }
    return lane.ahead.shift()
  }

  #lease(delivery: DeliveryRecord): void {
    const { leaseToken, leaseUntil } = this.#params
    leaseDelivery(this.#statements, delivery.id, { leaseToken, leaseUntil })
    this.#leased.push({ ...delivery, dueAt: leaseUntil, leaseToken })
  }

  /**
   * Puts everybody who was served behind those who were not. Where all had their turn, those who
   * got no more than the others keep their place, which costs no write.
   */
  #writeTurns(): void {
    const fewest = leastOf(this.#tenants)
    for (const tenant of this.#tenants) {
      const fewestOfLane = leastOf(tenant.visited)
      for (const lane of tenant.visited) {
        this.#writeLane(lane, tenant.isThrough && lane.leased === fewestOfLane)
      }
      this.#writeTenant(tenant, this.#isThrough && tenant.leased === fewest)
    }
    this.#turns.write()
  }

  #writeLane(lane: Lane, keepsPlace: boolean): void {
    const { bucket, leased } = lane
    if (leased > 0) bucket?.take(leased, this.#now)
    if (leased > 0 && lane.isProbed) this.#writeProbe(lane)
    const readyAt = this.#readyAt(lane)
    if (keepsPlace && readyAt === queued && bucket === null) return
    this.#statements.run(
      `UPDATE webhooks_lanes SET ready_at = ?, turn = ?, tokens_owed = ?, tokens_as_of = ?
        WHERE endpoint_id = ?`,
      readyAt,
      this.#turns.next(),
      bucket?.state.tokensOwed ?? 0,
      bucket?.state.tokensAsOf ?? 0,
      lane.endpointId,
    )
  }

  #writeProbe(lane: Lane): void {
    const { leaseToken, leaseUntil } = this.#params
    lane.heldUntil = leaseUntil.getTime()
    this.#statements.run(
      'UPDATE webhooks_lanes SET probe_token = ?, probe_until = ? WHERE endpoint_id = ?',
      storeText(leaseToken),
      lane.heldUntil,
      lane.endpointId,
    )
  }

  #readyAt({ ahead, bucket, endpointId, heldUntil }: Lane): number | null {
    const blockedUntil = Math.max(heldUntil, bucket?.availableAt() ?? 0)
    if (ahead.length > 0 && blockedUntil <= this.#now) return queued
    const dueAt = firstDueAt(this.#statements, endpointId)
    if (dueAt === null) return null
    const readyAt = Math.max(dueAt, blockedUntil)
    return readyAt <= this.#now ? queued : readyAt
  }

  #writeTenant({ id, visited }: Tenant, keepsPlace: boolean): void {
    const first = this.#statements.get<{ ready_at: number }>(
      `SELECT ready_at FROM webhooks_lanes INDEXED BY webhooks_lanes_ready
        WHERE tenant_id = ? AND ready_at IS NOT NULL ORDER BY ready_at LIMIT 1`,
      id,
    )
    if (first === undefined) {
      this.#statements.run('DELETE FROM webhooks_tenants WHERE tenant_id = ?', id)
      return
    }
    // Without a visit, all that is ready is at the caller's cap.
    if ((keepsPlace || visited.size === 0) && first.ready_at === queued) return
    this.#statements.run(
      'UPDATE webhooks_tenants SET ready_at = ?, turn = ? WHERE tenant_id = ?',
      first.ready_at,
      this.#turns.next(),
      id,
    )
  }

  *#newTenants(): Generator<Tenant, undefined> {
    const { limit } = this.#params
    const place = { now: this.#now, pageSize: limit, turns: this.#turns }
    for (const { id, pageLength } of tenantsInTurn(this.#statements, place)) {
      const newcomers = this.#newLanes(id, Math.ceil(limit / pageLength))
      yield { id, newcomers, isThrough: false, queue: [], visited: new Set(), leased: 0 }
    }
  }

  /** @param share - How many deliveries the tenant will be asked for, about. */
  *#newLanes(tenant: StoredText, share: number): Generator<Lane, undefined> {
    const { inFlight, perEndpoint, probeFrom } = this.#params
    const place = { tenant, now: this.#now, pageSize: share, turns: this.#turns }
    for (const { lane, pageLength } of lanesInTurn(this.#statements, place)) {
      const free = perEndpoint - (inFlight.get(lane.endpointId) ?? 0)
      // The caller has all it may have of it under way: for other callers it keeps its place.
      if (free <= 0) continue
      const allowed = lane.heldUntil > this.#now ? 0 : (lane.bucket?.available(this.#now) ?? free)
      const isProbed = lane.active && lane.failedAttempts >= probeFrom
      const room = Math.min(free, allowed, isProbed ? 1 : free)
      yield {
        ...lane,
        isProbed,
        room,
        leased: 0,
        ahead: [],
        readAhead: Math.ceil(share / pageLength),
      }
    }
  }
}

/** How much those got who got the least, of those who got anything. */
function leastOf(visited: Iterable<{ leased: number }>): number {
  const served = [...visited].map(({ leased }) => leased).filter((leased) => leased > 0)
  return Math.min(...served)
}

function moveToEnd<Item>(items: Set<Item>, item: Item): void {
  items.delete(item)
  items.add(item)
}
