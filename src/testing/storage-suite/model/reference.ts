import assert from 'node:assert/strict'
import type { Attempt } from '../../../model.ts'
import type {
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  FanOutAnswer,
  FanOutResult,
  HealthChange,
  InsertedEvent,
  Lease,
  NewDelivery,
  NewEvent,
  Settlement,
  Storage,
} from '../../../storage/storage.ts'
import { ReferenceBucket } from './reference-bucket.ts'

interface WaitingEvent {
  event: NewEvent
  waits: boolean
  /** End of its lease; `null` if never leased, or given back. */
  dueAt: Date | null
  leaseToken: string | null
  positioned: boolean
}

interface ReferenceEndpoint {
  record: EndpointRecord
  deletedAt: Date | null
  bucket: ReferenceBucket | null
  probe: { leaseToken: string; until: Date } | null
}

/**
 * What a storage has to hold, written for nothing but to be obviously right: plain lists, walked
 * from end to end. What a storage may choose (which of the due rows a claim takes) is checked
 * against the rules and then taken over.
 */
export class Reference {
  readonly events = new Map<string, WaitingEvent>()
  readonly endpoints = new Map<string, ReferenceEndpoint>()
  readonly deliveries = new Map<string, DeliveryRecord>()
  readonly attempts: Attempt[] = []
  /** The greatest position seen: later events exceed it. */
  position = 0

  isHeld({ id, leaseToken }: Lease): boolean {
    return this.events.get(id)?.leaseToken === leaseToken
  }

  /** Positions are for the storage to say: see `takePositions`. */
  insertEvents(events: NewEvent[]): Omit<InsertedEvent, 'position'>[] {
    return events.map((event) => {
      const repeated = this.events.get(event.id)?.event
      if (repeated) return { id: repeated.id, createdAt: repeated.createdAt, inserted: true }
      const standing = [...this.events.values()].find(
        ({ event: { tenantId, idempotencyKey } }) =>
          tenantId === event.tenantId &&
          idempotencyKey !== null &&
          idempotencyKey === event.idempotencyKey,
      )?.event
      if (standing) return { id: standing.id, createdAt: standing.createdAt, inserted: false }
      const { leaseToken = null, leaseUntil: dueAt = null } = event.lease ?? {}
      const wait = { waits: event.fanOut, dueAt, leaseToken }
      this.events.set(event.id, { event, ...wait, positioned: false })
      return { id: event.id, createdAt: event.createdAt, inserted: true }
    })
  }

  addEndpoint(record: EndpointRecord): void {
    const bucket = record.rateLimit && new ReferenceBucket(record.rateLimit)
    this.endpoints.set(record.id, { record, deletedAt: null, bucket, probe: null })
  }

  takeEventClaim(
    claimed: EventRecord[],
    { now, limit, leaseToken, leaseUntil }: Claim & { limit: number },
  ): void {
    const due = [...this.events.values()].filter(
      ({ waits, dueAt }) => waits && (dueAt === null || dueAt <= now),
    )
    assert.equal(claimed.length, Math.min(limit, due.length), 'events claimed')
    for (const { id } of claimed) {
      const row = this.events.get(id)
      assert.ok(row && due.includes(row), `event ${id} was claimed, but was not due`)
      assert.notEqual(row.leaseToken, leaseToken, `event ${id} was claimed twice in one call`)
      row.leaseToken = leaseToken
      row.dueAt = leaseUntil
    }
  }

  fanOut(results: FanOutResult[], settlements: Settlement[]): FanOutAnswer {
    const accepted = results.filter(
      ({ eventId, leaseToken }) => this.events.get(eventId)?.leaseToken === leaseToken,
    )
    const added = new Set<string>()
    for (const { eventId, deliveries, done } of accepted) {
      for (const id of this.insertDeliveries(deliveries)) added.add(id)
      const row = this.events.get(eventId)
      if (row && done) Object.assign(row, { waits: false, leaseToken: null })
    }
    return {
      events: accepted.map(({ eventId }) => eventId),
      settled: this.settle(settlements.filter(({ id }) => added.has(id))),
    }
  }

  releaseEvents(leases: Lease[]): void {
    for (const { id, leaseToken } of leases) {
      const row = this.events.get(id)
      if (row?.leaseToken === leaseToken) Object.assign(row, { dueAt: null, leaseToken: null })
    }
  }

  insertDeliveries(deliveries: NewDelivery[]): string[] {
    const inserted = deliveries.filter((given) => {
      const exists = [...this.deliveries.values()].some(
        ({ eventId, endpointId }) => eventId === given.eventId && endpointId === given.endpointId,
      )
      if (exists) return false
      this.deliveries.set(given.id, {
        ...given,
        attempts: 0,
        step: 0,
        faults: 0,
        responseStatus: null,
        lastError: null,
        completedAt: given.status === 'cancelled' ? given.createdAt : null,
      })
      return true
    })
    return inserted.map(({ id }) => id)
  }

  takeDeliveryClaim(claimed: DeliveryRecord[], given: DeliveryClaim): void {
    const { now, leaseToken, leaseUntil, limit, perEndpoint, inFlight, probeFrom } = given
    const room = new Map<string, number>()
    const probed = new Set<string>()
    for (const [id, { record, bucket, deletedAt, probe }] of this.endpoints) {
      const isHeld = [record.pausedUntil, probe?.until].some((until) => until && until > now)
      const isProbed = record.active && !deletedAt && record.failedAttempts >= probeFrom
      if (isProbed) probed.add(id)
      const tokens = bucket?.tokensAt(now) ?? Number.POSITIVE_INFINITY
      const most = isProbed ? 1 : Number.POSITIVE_INFINITY
      const slots = Math.min(most, Math.max(0, perEndpoint - (inFlight.get(id) ?? 0)))
      room.set(id, isHeld ? 0 : Math.min(tokens, slots, this.#dueOf(id, now).length))
    }
    const claimable = [...room.values()].reduce((sum, count) => sum + count, 0)
    assert.equal(claimed.length, Math.min(limit, claimable), 'deliveries claimed')
    for (const endpointId of new Set(claimed.map((row) => row.endpointId))) {
      const own = claimed.filter((row) => row.endpointId === endpointId)
      const due = this.#dueOf(endpointId, now)
      assert.ok(own.length <= (room.get(endpointId) ?? 0), `${endpointId} is beyond its limits`)
      const latest = due.slice(0, own.length).at(-1)?.dueAt ?? now
      for (const { id } of own) {
        const row = due.find((candidate) => candidate.id === id)
        assert.ok(row, `delivery ${id} was claimed, but was not due`)
        assert.ok((row.dueAt ?? now) <= latest, `delivery ${id} was claimed out of turn`)
      }
      for (const { id } of own) {
        const row = this.deliveries.get(id)
        assert.ok(row && row.leaseToken !== leaseToken, `${id} was claimed twice in one call`)
        Object.assign(row, { leaseToken, dueAt: leaseUntil })
        const endpoint = this.endpoints.get(endpointId)
        endpoint?.bucket?.take(now)
        if (endpoint && probed.has(endpointId)) endpoint.probe = { leaseToken, until: leaseUntil }
      }
    }
  }

  renew(leases: Lease[], leaseUntil: Date): string[] {
    const held = this.#held(leases)
    for (const row of held) if (row.status === 'pending') row.dueAt = leaseUntil
    return held.map(({ id }) => id)
  }

  release(leases: Lease[], now: Date): void {
    for (const row of this.#held(leases)) {
      row.leaseToken = null
      if (row.status === 'pending') row.dueAt = now
    }
  }

  settle(settlements: Settlement[]): string[] {
    return settlements.filter((settlement) => this.#settle(settlement)).map(({ id }) => id)
  }

  requeue(tenantId: string, ids: string[], now: Date): string[] {
    const rows = ids.map((id) => this.deliveries.get(id)).filter((row) => row !== undefined)
    const changed = rows.filter((row) => {
      const isLive = row.leaseToken !== null && row.dueAt !== null && row.dueAt > now
      return row.tenantId === tenantId && (row.status !== 'pending' || !isLive)
    })
    for (const row of changed) {
      if (row.status !== 'pending') Object.assign(row, { step: 0, faults: 0 })
      Object.assign(row, { status: 'pending', dueAt: now, leaseToken: null })
      Object.assign(row, { completedAt: null, cancelReason: null })
    }
    return changed.map(({ id }) => id)
  }

  /** Cancels what the storage says it cancelled, if that is what had to be. */
  takeCancel(cancelled: string[], candidates: string[], limit: number, now: Date): void {
    const pending = candidates.filter((id) => this.deliveries.get(id)?.status === 'pending')
    assert.equal(cancelled.length, Math.min(limit, pending.length), 'deliveries cancelled')
    for (const id of cancelled) {
      assert.ok(pending.includes(id), `delivery ${id} was cancelled, but was not to be`)
      const row = this.deliveries.get(id)
      if (row) Object.assign(row, { status: 'cancelled', cancelReason: 'manual', dueAt: null })
      if (row) row.completedAt = now
    }
  }

  recordHealth(change: HealthChange): EndpointRecord[] {
    const endpoint = this.endpoints.get(change.endpointId)
    if (!endpoint || endpoint.deletedAt) return []
    const { record, probe } = endpoint
    if (change.succeeded || change.leaseTokens.some((token) => token === probe?.leaseToken)) {
      endpoint.probe = null
    }
    const since = change.succeeded ? null : record.failingSince
    record.failedAttempts = change.failedAttempts + (change.succeeded ? 0 : record.failedAttempts)
    record.failingSince = since ?? change.failedAt
    const pauses = [record.pausedUntil, change.pausedUntil].filter((instant) => instant !== null)
    record.pausedUntil = pauses.length === 0 ? null : new Date(Math.max(...pauses.map(Number)))
    return [record]
  }

  /** Takes positions over from the storage, which assigns them, if they rise as they must. */
  takePositions(events: EventRecord[]): void {
    for (const { id, position } of events) {
      const row = this.events.get(id)
      if (!row || row.positioned) continue
      assert.ok(position > this.position, `the position of event ${id} does not rise`)
      row.positioned = true
      this.position = position
    }
  }

  /** @param activePosition - What the storage says; counts where the endpoint is switched on. */
  setActive(
    id: string,
    active: boolean,
    now: Date,
    activePosition: number | undefined,
  ): EndpointRecord | null {
    const endpoint = this.endpoints.get(id)
    if (!endpoint || endpoint.deletedAt) return null
    const { record } = endpoint
    if (active && !record.active) {
      const clean = { pausedUntil: null, failingSince: null, failedAttempts: 0 }
      Object.assign(record, clean)
      record.activePosition = this.#takeActivePosition(activePosition)
      endpoint.probe = null
    }
    Object.assign(record, { active, version: record.version + 1, updatedAt: now })
    return record
  }

  /** No event stored so far exceeds it, and every later one does: the storage may leave gaps. */
  #takeActivePosition(given: number | undefined): number {
    assert.ok(given !== undefined && given >= this.position, 'an activePosition before an event')
    this.position = given
    return given
  }

  deleteEndpoint(id: string, now: Date): boolean {
    const endpoint = this.endpoints.get(id)
    if (!endpoint || endpoint.deletedAt) return false
    endpoint.deletedAt = now
    return true
  }

  prune(before: Date): { deliveries: number; events: number } {
    const gone = { deliveries: 0, events: 0 }
    for (const [id, { completedAt }] of this.deliveries) {
      if (completedAt === null || completedAt >= before) continue
      this.deliveries.delete(id)
      gone.deliveries += 1
    }
    const left = [...this.deliveries.values()]
    for (const [id, { event, waits }] of this.events) {
      if (waits || event.createdAt >= before || left.some(({ eventId }) => eventId === id)) continue
      this.events.delete(id)
      gone.events += 1
    }
    for (const [id, { deletedAt }] of this.endpoints) {
      if (deletedAt === null || deletedAt >= before) continue
      if (!left.some(({ endpointId }) => endpointId === id)) this.endpoints.delete(id)
    }
    return gone
  }

  /** The instant at which a claim can next find something; `null` if nothing waits. */
  nextDueAt(exclude: string[]): number | null {
    const instants: number[] = []
    for (const { waits, dueAt } of this.events.values()) {
      if (waits) instants.push(dueAt === null ? Number.NEGATIVE_INFINITY : dueAt.getTime())
    }
    for (const { dueAt, endpointId } of this.deliveries.values()) {
      const endpoint = this.endpoints.get(endpointId)
      if (dueAt === null || exclude.includes(endpointId) || !endpoint) continue
      const pausedUntil = endpoint.record.pausedUntil?.getTime() ?? 0
      const tokenAt = endpoint.bucket?.nextTokenAt() ?? 0
      const probeUntil = endpoint.probe?.until.getTime() ?? 0
      instants.push(Math.max(dueAt.getTime(), pausedUntil, probeUntil, tokenAt))
    }
    return instants.length === 0 ? null : Math.min(...instants)
  }

  attemptsOf(id: string): Attempt[] {
    return this.attempts.filter(({ deliveryId }) => deliveryId === id)
  }

  #settle({ leaseToken, attempt, ...next }: Settlement): boolean {
    const row = this.deliveries.get(next.id)
    if (!row || row.leaseToken !== leaseToken) return false
    this.attempts.push(attempt)
    row.leaseToken = null
    if (row.status !== 'cancelled' || next.status === 'succeeded') Object.assign(row, next)
    const { attempts, responseStatus, lastError } = next
    Object.assign(row, { attempts, responseStatus, lastError })
    return true
  }

  #held(leases: Lease[]): DeliveryRecord[] {
    return leases
      .filter(({ id, leaseToken }) => this.deliveries.get(id)?.leaseToken === leaseToken)
      .map(({ id }) => this.deliveries.get(id))
      .filter((row) => row !== undefined)
  }

  /** What is due of an endpoint, the smallest `dueAt` first. */
  #dueOf(endpointId: string, now: Date): DeliveryRecord[] {
    return [...this.deliveries.values()]
      .filter((row) => row.endpointId === endpointId && row.dueAt !== null && row.dueAt <= now)
      .sort((a, b) => Number(a.dueAt) - Number(b.dueAt))
  }
}

interface Claim {
  now: Date
  leaseToken: string
  leaseUntil: Date
}

type DeliveryClaim = Parameters<Storage['claimDeliveries']>[0]
