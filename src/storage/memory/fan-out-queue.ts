import { Heap } from './heap.ts'
import { Queue } from './queue.ts'
import { always, type EventRow, type TenantRow } from './rows.ts'

/** Events that wait for their fan-out: tenants in turn, in each the oldest first. */
export class FanOutQueue {
  readonly #turns = new Queue<TenantRow>()
  /** Leased events by the end of their lease. */
  readonly #leased = new Heap<EventRow>((a, b) => a.dueAt < b.dueAt)
  /** How many events stand in their tenant's heap of due ones. */
  #dueCount = 0

  /** Lets an event wait from `dueAt` on. */
  wait(event: EventRow, dueAt: number): void {
    this.remove(event)
    event.dueAt = dueAt
    if (dueAt === always) this.#makeDue(event)
    else this.#leased.add(event)
  }

  remove(event: EventRow): void {
    this.#leased.delete(event)
    const { dueEvents } = event.tenant
    if (!dueEvents.has(event)) return
    dueEvents.delete(event)
    this.#dueCount -= 1
  }

  /** Takes up to `limit` due events, each to be given back by `wait`. */
  take(now: number, limit: number): EventRow[] {
    this.#endLeases(now)
    const taken: EventRow[] = []
    while (taken.length < limit) {
      const tenant = this.#turns.shift()
      if (tenant === undefined) break
      const event = this.#nextOf(tenant, now)
      tenant.queuedForFanOut = event !== undefined
      if (event === undefined) continue
      this.#turns.push(tenant)
      taken.push(event)
    }
    return taken
  }

  /** When something can next be taken, 0 for at once; `null` if nothing waits. */
  nextDueAt(): number | null {
    if (this.#dueCount > 0) return 0
    return this.#leased.first()?.dueAt ?? null
  }

  #endLeases(now: number): void {
    for (;;) {
      const event = this.#leased.first()
      if (event === undefined || event.dueAt > now) return
      this.#leased.delete(event)
      this.#makeDue(event)
    }
  }

  #makeDue(event: EventRow): void {
    const { tenant } = event
    tenant.dueEvents.add(event)
    this.#dueCount += 1
    if (tenant.queuedForFanOut) return
    tenant.queuedForFanOut = true
    this.#turns.push(tenant)
  }

  #nextOf(tenant: TenantRow, now: number): EventRow | undefined {
    for (;;) {
      const event = tenant.dueEvents.first()
      if (event === undefined) return undefined
      this.remove(event)
      if (event.dueAt <= now) return event
      // The clock has gone back behind the end of this event's lease.
      this.#leased.add(event)
    }
  }
}
