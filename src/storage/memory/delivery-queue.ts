import { Heap } from './heap.ts'
import { Queue } from './queue.ts'
import type { DeliveryRow, EndpointRow, TenantRow } from './rows.ts'

function byReadiness(a: EndpointRow, b: EndpointRow): boolean {
  return a.readyAt < b.readyAt
}

/** How many more deliveries of an endpoint the caller of a claim has room for. */
export interface Room {
  left(endpoint: EndpointRow): number
  take(endpoint: EndpointRow): void
}

/**
 * Pending deliveries: tenants in turn, in each its endpoints in turn, in each the smallest due
 * time first. An endpoint waits in a heap until something of it can be claimed, and then has its
 * turns until nothing of it can; so a claim costs the same whatever the backlog.
 */
export class DeliveryQueue {
  readonly #waiting = new Heap<EndpointRow>(byReadiness)
  readonly #ready = new Heap<EndpointRow>(byReadiness)
  readonly #turns = new Queue<TenantRow>()

  /** Lets a pending delivery wait from `dueAt` on. */
  wait(delivery: DeliveryRow, dueAt: number): void {
    const { pending } = delivery.endpoint
    delivery.orderedBy = dueAt
    if (pending.has(delivery)) pending.moved(delivery)
    else pending.add(delivery)
    this.reconsider(delivery.endpoint)
  }

  remove(delivery: DeliveryRow): void {
    delivery.endpoint.pending.delete(delivery)
    this.reconsider(delivery.endpoint)
  }

  /** To be called when an endpoint's pause, probe, rate limit or first delivery has changed. */
  reconsider(endpoint: EndpointRow): void {
    const first = endpoint.pending.first()
    const heap = endpoint.queued ? this.#ready : this.#waiting
    if (first === undefined) {
      heap.delete(endpoint)
      return
    }
    endpoint.readyAt = Math.max(
      first.orderedBy,
      endpoint.record.pausedUntil?.getTime() ?? 0,
      endpoint.bucket?.availableAt() ?? 0,
      endpoint.probe?.until ?? 0,
    )
    if (heap.has(endpoint)) heap.moved(endpoint)
    else heap.add(endpoint)
  }

  /** Leases up to `limit` due deliveries by letting them wait until `leaseUntil`. */
  lease(now: number, leaseUntil: number, limit: number, room: Room): DeliveryRow[] {
    this.#admit(now)
    const leased: DeliveryRow[] = []
    const full: EndpointRow[] = []
    while (leased.length < limit) {
      const tenant = this.#turns.shift()
      if (tenant === undefined) break
      const endpoint = this.#nextOf(tenant, now, room, full)
      const delivery = endpoint?.pending.first()
      tenant.queuedForDelivery = delivery !== undefined
      if (endpoint === undefined || delivery === undefined) continue
      leased.push(delivery)
      room.take(endpoint)
      endpoint.bucket?.take(now)
      this.wait(delivery, leaseUntil)
      tenant.readyEndpoints.push(endpoint)
      this.#turns.push(tenant)
    }
    for (const endpoint of full) this.#giveTurn(endpoint)
    return leased
  }

  /** When something of an endpoint outside `exclude` can next be leased; `null` if nothing waits. */
  nextDueAt(exclude: ReadonlySet<string>): number | null {
    const isWanted = (endpoint: EndpointRow) => !exclude.has(endpoint.id)
    const ready = this.#ready.firstWhere(isWanted)?.readyAt
    const waiting = this.#waiting.firstWhere(isWanted)?.readyAt
    if (ready === undefined || waiting === undefined) return ready ?? waiting ?? null
    return Math.min(ready, waiting)
  }

  /** Gives turns to the endpoints that have become ready. */
  #admit(now: number): void {
    for (;;) {
      const endpoint = this.#waiting.first()
      if (endpoint === undefined || endpoint.readyAt > now) return
      this.#waiting.delete(endpoint)
      this.#ready.add(endpoint)
      endpoint.queued = true
      this.#giveTurn(endpoint)
    }
  }

  #giveTurn(endpoint: EndpointRow): void {
    const { tenant } = endpoint
    tenant.readyEndpoints.push(endpoint)
    if (tenant.queuedForDelivery) return
    tenant.queuedForDelivery = true
    this.#turns.push(tenant)
  }

  /** The tenant's next endpoint with something to lease; sets aside those that are full. */
  #nextOf(
    tenant: TenantRow,
    now: number,
    room: Room,
    full: EndpointRow[],
  ): EndpointRow | undefined {
    for (;;) {
      const endpoint = tenant.readyEndpoints.shift()
      if (endpoint === undefined) return undefined
      const isReady = endpoint.pending.size > 0 && endpoint.readyAt <= now
      if (isReady && room.left(endpoint) > 0) return endpoint
      if (isReady) {
        full.push(endpoint)
        continue
      }
      endpoint.queued = false
      this.#ready.delete(endpoint)
      this.reconsider(endpoint)
    }
  }
}
