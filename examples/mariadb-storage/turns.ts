/** What waits in one place: an endpoint's deliveries, or a tenant's events. */
export interface Place {
  id: string
  tenantId: string
}

/**
 * Whose turn it is: the tenant that was served longest ago, and of it the place that was served
 * longest ago. Remembered in the process, so that turns go on from one small claim to the next.
 */
export class Turns {
  readonly #tenants = new LastServed()
  readonly #places = new LastServed()

  /**
   * Takes up to `limit` rows from places in turn. `take` gives up to `count` of a place; one that
   * gives fewer has no more, and what it leaves is dealt among the others.
   *
   * @param room - How many each place may give.
   */
  async serve<Row>(
    places: Place[],
    { limit, room }: { limit: number; room: Map<string, number> },
    take: (place: Place, count: number) => Promise<Row[]>,
  ): Promise<Row[]> {
    const left = new Map(room)
    const taken: Row[] = []
    for (;;) {
      const shares = this.#deal(places, limit - taken.length, left)
      if (shares.size === 0) return taken
      for (const [place, share] of shares) {
        const rows = await take(place, share)
        taken.push(...rows)
        left.set(place.id, rows.length < share ? 0 : (left.get(place.id) ?? 0) - share)
      }
    }
  }

  /** Deals turns one by one. */
  #deal(places: Place[], count: number, room: Map<string, number>): Map<Place, number> {
    const shares = new Map<Place, number>()
    for (let dealt = 0; dealt < count; dealt += 1) {
      let next: Place | undefined
      for (const place of places) {
        if ((shares.get(place) ?? 0) >= (room.get(place.id) ?? 0)) continue
        if (next === undefined || this.#isBefore(place, next)) next = place
      }
      if (next === undefined) break
      shares.set(next, (shares.get(next) ?? 0) + 1)
      this.#tenants.serve(next.tenantId)
      this.#places.serve(next.id)
    }
    return shares
  }

  #isBefore(one: Place, other: Place): boolean {
    const order = this.#tenants.turnOf(one.tenantId) - this.#tenants.turnOf(other.tenantId)
    return (order || this.#places.turnOf(one.id) - this.#places.turnOf(other.id)) < 0
  }
}

const mostRemembered = 100_000

/** Counts turns. Who is forgotten was served longest ago, and comes first as it would have anyway. */
class LastServed {
  readonly #turns = new Map<string, number>()
  #count = 0

  turnOf(id: string): number {
    return this.#turns.get(id) ?? 0
  }

  serve(id: string): void {
    this.#turns.delete(id)
    this.#turns.set(id, ++this.#count)
    const [oldest] = this.#turns.keys()
    if (this.#turns.size > mostRemembered && oldest !== undefined) this.#turns.delete(oldest)
  }
}
