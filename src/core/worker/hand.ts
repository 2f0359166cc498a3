import type { EndpointRecord, EventRecord, Lease } from '../../storage/storage.ts'

/** Events under this worker's lease. */
export interface LeasedEvents {
  events: EventRecord[]
  leaseToken: string
  /** When they were leased. */
  since: Date
}

/** The first endpoints that may concern events of one tenant. */
export interface FirstPage {
  endpoints: EndpointRecord[]
  /** Whether there are no others. */
  isLast: boolean
}

/** How events came to be in a worker's hand. */
export type Origin = 'kept' | 'claimed'

interface Group extends LeasedEvents {
  origin: Origin
  /** How many groups of its tenant had come before it. */
  place: number
  /** Of all that came with it. */
  bounds: Bounds
}

/** What decides which endpoints events of a tenant may concern. */
export interface Bounds {
  /** The greatest position. */
  position: number
  /** When the first one was emitted, as epoch milliseconds. */
  emittedAt: number
}

/** What is at hand of one tenant. */
export interface TenantHand {
  tenantId: string
  /** The oldest first; none of them is empty. */
  groups: Group[]
  /** How many have come since there was none. */
  arrived: number
  /** As it was last read: when, and how many groups were there by then. */
  page: { read: Promise<FirstPage>; at: number; arrived: number } | null
}

/** Leased events that wait to be fanned out. Tenants are served in turn. */
export class Hand {
  /** In the order of their turns. */
  readonly #tenants = new Map<string, TenantHand>()
  readonly #counts = { kept: 0, claimed: 0 }
  #bytes = 0

  get count(): number {
    return this.#counts.kept + this.#counts.claimed
  }

  /** How many of them were claimed. */
  get claimed(): number {
    return this.#counts.claimed
  }

  /** What their bodies take, about: one for each character. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#tenants.size === 0
  }

  /** Whose turn it is. */
  get next(): TenantHand | null {
    for (const tenant of this.#tenants.values()) return tenant
    return null
  }

  add({ events, ...lease }: LeasedEvents, origin: Origin): void {
    for (const [tenantId, ofTenant] of Map.groupBy(events, (event) => event.tenantId)) {
      const tenant = this.#tenantOf(tenantId)
      const bounds = boundsOf(ofTenant)
      tenant.groups.push({ ...lease, events: ofTenant, origin, place: tenant.arrived, bounds })
      tenant.arrived += 1
    }
    this.#note(events, origin, 1)
  }

  /** Takes from the tenant's first group: no more than leaves the others their share of `limit`. */
  take(tenant: TenantHand, limit: number): LeasedEvents | null {
    const [group] = tenant.groups
    if (group === undefined) return null
    const share = Math.ceil(limit / this.#tenants.size)
    const events = group.events.splice(0, share)
    if (group.events.length === 0) tenant.groups.shift()
    this.#note(events, group.origin, -1)
    this.#tenants.delete(tenant.tenantId)
    if (tenant.groups.length > 0) this.#tenants.set(tenant.tenantId, tenant)
    return { events, leaseToken: group.leaseToken, since: group.since }
  }

  /** Takes everything. */
  takeLeases(): Lease[] {
    const leases: Lease[] = []
    for (const { groups } of this.#tenants.values()) {
      for (const { events, leaseToken, origin } of groups.splice(0)) {
        leases.push(...events.map(({ id }) => ({ id, leaseToken })))
        this.#note(events, origin, -1)
      }
    }
    this.#tenants.clear()
    return leases
  }

  #tenantOf(tenantId: string): TenantHand {
    const known = this.#tenants.get(tenantId)
    if (known !== undefined) return known
    const tenant: TenantHand = { tenantId, groups: [], arrived: 0, page: null }
    this.#tenants.set(tenantId, tenant)
    return tenant
  }

  #note(events: EventRecord[], origin: Origin, sign: 1 | -1): void {
    this.#counts[origin] += sign * events.length
    for (const { body } of events) this.#bytes += sign * body.length
  }
}

export function boundsOf(events: EventRecord[]): Bounds {
  return merge(
    events.map(({ position, createdAt }) => ({ position, emittedAt: createdAt.getTime() })),
  )
}

/** What holds for all of them. */
export function merge(all: readonly Bounds[]): Bounds {
  let position = 0
  let emittedAt = Number.POSITIVE_INFINITY
  for (const each of all) {
    position = Math.max(position, each.position)
    emittedAt = Math.min(emittedAt, each.emittedAt)
  }
  return { position, emittedAt }
}
