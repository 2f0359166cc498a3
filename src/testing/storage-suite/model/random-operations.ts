import assert from 'node:assert/strict'
import type { DeliveryRecord, EventRecord } from '../../../storage/storage.ts'
import { assertSameIds, idsOf, type Kit, leasesOf } from '../kit.ts'
import { anyEvent } from './any-event.ts'
import {
  compare,
  compareFanOut,
  compareInserted,
  compareNextDueAt,
  pendingOf,
  tenants,
} from './comparison.ts'
import { Dice } from './dice.ts'
import { Reference } from './reference.ts'

const statuses = ['succeeded', 'failed', 'cancelled', 'pending', 'pending'] as const
const leaseForMs = 10_000
/** Instants are multiples of it, so that many fall together: edges are where storages err. */
const tick = 250

/** Runs one random sequence of operations on a storage and on the reference, and compares them. */
export class RandomOperations {
  /** What was done, for the message of a failure. */
  readonly story: string[] = []
  readonly #kit: Kit
  readonly #reference = new Reference()
  readonly #dice: Dice
  #nowMs = 0
  /** What workers hold, or believe to hold. */
  #heldEvents: { events: EventRecord[]; leaseToken: string }[] = []
  #heldDeliveries: DeliveryRecord[] = []

  constructor(kit: Kit, seed: number) {
    this.#kit = kit
    this.#dice = new Dice(seed)
  }

  async run(count: number): Promise<void> {
    for (let made = 0; made < 8; made += 1) await this.#addEndpoint()
    for (let step = 0; step < count; step += 1) {
      this.#passTime()
      await this.#dice.pick(this.#operations)()
      if (step % 20 === 19) await compare(this.#kit, this.#reference)
    }
    await this.#finishEverything()
    await compare(this.#kit, this.#reference)
  }

  readonly #operations: (() => Promise<void>)[] = [
    () => this.#insertEvents(),
    () => this.#insertEvents(),
    () => this.#addEndpoint(),
    () => this.#claimAndFanOut(),
    () => this.#claimAndFanOut(),
    () => this.#claimEvents(1 + this.#dice.int(4)),
    () => this.#fanOut(this.#dice.chance(0.6)),
    () => this.#fanOut(this.#dice.chance(0.6)),
    () => this.#releaseEvents(),
    () => this.#claimDeliveries(),
    () => this.#claimDeliveries(),
    () => this.#claimDeliveries(),
    () => this.#settle(),
    () => this.#settle(),
    () => this.#settle(),
    () => this.#renew(),
    () => this.#release(),
    () => this.#requeue(),
    () => this.#cancel(),
    () => this.#recordHealth(),
    () => this.#recordHealth(),
    () => this.#setActive(),
    () => this.#deleteEndpoint(),
    () => this.#prune(),
    () => this.#nextDueAt(),
  ]

  async #insertEvents(): Promise<void> {
    const leases = [this.#newClaim(), this.#newClaim()]
    const known = { reference: this.#reference, now: this.#now(), leases }
    const events = this.#dice.times(1 + this.#dice.int(4), () =>
      anyEvent(this.#kit, this.#dice, known),
    )
    this.#tell(`insert ${events.map(({ id, lease }) => id + (lease ? ' leased' : ''))}`)
    const answers = await this.#kit.storage.insertEvents({ events })
    const stored = await this.#kit.eventsOf(events)
    compareInserted(answers, stored, this.#reference.insertEvents(events))
    this.#reference.takePositions(stored)
    for (const { leaseToken } of leases) {
      const held = stored.filter(({ id }) => this.#reference.isHeld({ id, leaseToken }))
      if (held.length > 0) this.#heldEvents.push({ events: held, leaseToken })
    }
  }

  async #addEndpoint(): Promise<void> {
    const rateLimit = this.#dice.chance(0.3)
      ? { limit: 1 + this.#dice.int(4), intervalMs: 1_000 * (1 + this.#dice.int(9)) }
      : null
    const endpoint = this.#kit.endpoint({ tenantId: this.#dice.pick(tenants), rateLimit })
    this.#tell(`add ${endpoint.id} of ${endpoint.tenantId}, ${JSON.stringify(rateLimit)}`)
    this.#reference.addEndpoint(await this.#kit.storage.insertEndpoint({ endpoint }))
  }

  async #claimEvents(limit: number): Promise<void> {
    const claim = this.#newClaim()
    const events = await this.#kit.storage.claimEvents({ ...claim, limit })
    this.#tell(`claim ${limit} events: ${idsOf(events)}`)
    this.#reference.takeEventClaim(events, { ...claim, limit })
    const { leaseToken } = claim
    if (events.length > 0) this.#heldEvents.push({ events, leaseToken })
  }

  async #claimAndFanOut(): Promise<void> {
    await this.#claimEvents(6)
    await this.#fanOut(true, this.#heldEvents.at(-1))
  }

  async #fanOut(
    done: boolean,
    held = this.#dice.pickFrom(this.#heldEvents.slice(-5)),
  ): Promise<void> {
    if (held === undefined) return
    const { events, leaseToken } = held
    const results = events.map((event) => ({
      eventId: event.id,
      leaseToken,
      deliveries: [...this.#reference.endpoints.values()]
        .filter(({ record }) => record.tenantId === event.tenantId && this.#dice.chance(0.8))
        .map(({ record }) => {
          const dueAt = this.#kit.at(this.#nowMs + tick * this.#dice.int(12))
          const leaseToken = this.#dice.chance(0.4) ? this.#kit.id('lease') : null
          return this.#kit.delivery(event, record, { dueAt, leaseToken, createdAt: this.#now() })
        }),
      done,
    }))
    const deliveries = results.flatMap((result) => result.deliveries)
    const settlements = deliveries
      .filter(({ leaseToken }) => leaseToken !== null && this.#dice.chance(0.5))
      .map((row) => this.#kit.settlement(row, this.#dice.pick(statuses), { at: this.#nowMs }))
    this.#tell(`fan out ${idsOf(events)}${done ? '' : ' in part'}, settle ${idsOf(settlements)}`)
    const answer = await this.#kit.storage.fanOut({ now: this.#now(), results, settlements })
    compareFanOut(answer, this.#reference.fanOut(results, settlements))
    for (const { id } of deliveries) {
      const stored = this.#reference.deliveries.get(id)
      if (stored && stored.leaseToken !== null) this.#heldDeliveries.push({ ...stored })
    }
  }

  async #releaseEvents(): Promise<void> {
    const held = this.#dice.pickFrom(this.#heldEvents.slice(-5))
    if (held === undefined) return
    const { events, leaseToken } = held
    const leases = events.map(({ id }) => ({ id, leaseToken }))
    this.#tell(`give back ${idsOf(events)}`)
    await this.#kit.storage.releaseEvents({ now: this.#now(), leases })
    this.#reference.releaseEvents(leases)
  }

  async #claimDeliveries(): Promise<void> {
    const claim = {
      ...this.#newClaim(),
      limit: 1 + this.#dice.int(8),
      perEndpoint: 1 + this.#dice.int(4),
      inFlight: new Map([...this.#reference.endpoints.keys()].map((id) => [id, this.#dice.int(3)])),
      probeFrom: 5,
    }
    const { deliveries } = await this.#kit.storage.claimDeliveries(claim)
    this.#tell(`claim ${claim.limit}, ${claim.perEndpoint} each: ${idsOf(deliveries)}`)
    this.#reference.takeDeliveryClaim(deliveries, claim)
    this.#heldDeliveries.push(...deliveries)
  }

  async #settle(): Promise<void> {
    const settlements = this.#someHeld().map((row) =>
      this.#kit.settlement(row, this.#dice.pick(statuses), { at: this.#nowMs }),
    )
    const outcomes = settlements.map(({ id, status }) => `${id} ${status}`)
    this.#tell(`settle ${outcomes}`)
    const now = this.#now()
    const accepted = await this.#kit.storage.settleDeliveries({ now, settlements })
    assertSameIds(accepted, this.#reference.settle(settlements))
  }

  async #renew(): Promise<void> {
    const leases = leasesOf(this.#someHeld())
    const leaseUntil = this.#kit.at(this.#nowMs + leaseForMs)
    this.#tell(`renew ${idsOf(leases)}`)
    const renewed = await this.#kit.storage.renewLeases({ leases, leaseUntil })
    assertSameIds(renewed, this.#reference.renew(leases, leaseUntil))
  }

  async #release(): Promise<void> {
    const leases = leasesOf(this.#someHeld())
    this.#tell(`give back ${idsOf(leases)}`)
    await this.#kit.storage.releaseDeliveries({ now: this.#now(), leases })
    this.#reference.release(leases, this.#now())
  }

  async #requeue(): Promise<void> {
    const ids = this.#someDeliveries()
    const tenantId = this.#dice.pick(tenants)
    this.#tell(`re-queue ${ids} of ${tenantId}`)
    const now = this.#now()
    const changed = await this.#kit.storage.requeueDeliveries({ tenantId, ids, now })
    assertSameIds(changed, this.#reference.requeue(tenantId, ids, now))
  }

  async #cancel(): Promise<void> {
    const tenantId = this.#dice.pick(tenants)
    const endpointId = this.#dice.pick([...this.#reference.endpoints.keys(), 'ep_none'])
    const ids = this.#someDeliveries()
    const byEndpoint = this.#dice.chance(0.3)
    const which = byEndpoint ? { endpointId } : { ids }
    const candidates = [...this.#reference.deliveries.values()].filter(
      (row) =>
        row.tenantId === tenantId &&
        (byEndpoint ? row.endpointId === endpointId : ids.includes(row.id)),
    )
    const limit = 1 + this.#dice.int(3)
    const now = this.#now()
    const given = { tenantId, which, reason: 'manual' as const, now, limit }
    const cancelled = await this.#kit.storage.cancelDeliveries(given)
    this.#tell(`cancel ${limit} of ${JSON.stringify(which)}: ${cancelled}`)
    this.#reference.takeCancel(cancelled, idsOf(candidates), limit, now)
  }

  async #recordHealth(): Promise<void> {
    const endpointId = this.#dice.pick([...this.#reference.endpoints.keys(), 'ep_none'])
    const succeeded = this.#dice.chance(0.4)
    const failedAttempts = this.#dice.int(3)
    const failedAt = failedAttempts === 0 ? null : this.#now()
    const pauseMs = tick * this.#dice.int(60)
    const pausedUntil = this.#dice.chance(0.4) ? this.#kit.at(this.#nowMs + pauseMs) : null
    const tokens = this.#heldDeliveries.map(({ leaseToken }) => leaseToken ?? '')
    const leaseTokens = this.#dice.chance(0.4) ? tokens : []
    const change = { endpointId, succeeded, failedAttempts, failedAt, pausedUntil, leaseTokens }
    this.#tell(`health of ${endpointId}, paused until ${pausedUntil?.toISOString()}`)
    const records = await this.#kit.storage.recordHealth({ changes: [change] })
    assert.deepEqual(records, this.#reference.recordHealth(change))
  }

  async #setActive(): Promise<void> {
    const endpoint = this.#dice.pickFrom([...this.#reference.endpoints.values()])
    if (endpoint === undefined) return
    const { tenantId, id } = this.#sometimesForeign(endpoint.record)
    const active = this.#dice.chance(0.6)
    const now = this.#now()
    this.#tell(`switch ${id} ${active ? 'on' : 'off'}`)
    const changes = { active }
    const record = await this.#kit.storage.updateEndpoint({ tenantId, id, changes, now })
    const isOwn = tenantId === endpoint.record.tenantId
    const stored = typeof record === 'object' ? record?.activePosition : undefined
    assert.deepEqual(record, isOwn ? this.#reference.setActive(id, active, now, stored) : null)
  }

  async #deleteEndpoint(): Promise<void> {
    const endpoint = this.#dice.pickFrom([...this.#reference.endpoints.values()])
    if (endpoint === undefined || this.#dice.chance(0.7)) return
    const { tenantId, id } = this.#sometimesForeign(endpoint.record)
    const now = this.#now()
    this.#tell(`delete ${id}`)
    const deleted = await this.#kit.storage.deleteEndpoint({ tenantId, id, now })
    const isOwn = tenantId === endpoint.record.tenantId
    assert.equal(deleted, isOwn && this.#reference.deleteEndpoint(id, now))
  }

  async #prune(): Promise<void> {
    if (this.#dice.chance(0.7)) return
    const before = this.#kit.at(this.#nowMs - tick * this.#dice.int(200))
    this.#tell(`prune before ${before.toISOString()}`)
    const gone = await this.#kit.storage.prune({ before, limit: 10_000 })
    assert.deepEqual(gone, this.#reference.prune(before))
  }

  async #nextDueAt(): Promise<void> {
    const exclude = [...this.#reference.endpoints.keys()].filter(() => this.#dice.chance(0.2))
    const next = await this.#kit.storage.nextDueAt({ exclude })
    const expected = this.#reference.nextDueAt(exclude)
    this.#tell(`next due without ${exclude}: ${next?.toISOString()}`)
    compareNextDueAt(next, expected)
  }

  /** Lets all leases end and all work succeed: nothing may be left, and nothing lost on the way. */
  async #finishEverything(): Promise<void> {
    this.#tell('finish everything')
    for (let round = 0; round < 1_000; round += 1) {
      this.#nowMs += 10 * leaseForMs
      this.#heldEvents = []
      this.#heldDeliveries = []
      await this.#claimEvents(1_000)
      await this.#fanOut(true)
      const claim = {
        ...this.#newClaim(),
        limit: 1_000,
        perEndpoint: 1_000,
        inFlight: new Map<string, number>(),
        probeFrom: Number.MAX_SAFE_INTEGER,
      }
      const { deliveries } = await this.#kit.storage.claimDeliveries(claim)
      this.#reference.takeDeliveryClaim(deliveries, claim)
      const settlements = deliveries.map((row) =>
        this.#kit.settlement(row, 'succeeded', { at: this.#nowMs }),
      )
      const accepted = await this.#kit.storage.settleDeliveries({ now: this.#now(), settlements })
      assert.deepEqual(accepted, this.#reference.settle(settlements))
      if ((await this.#kit.storage.nextDueAt({ exclude: [] })) === null) break
    }
    assert.deepEqual(idsOf(pendingOf(this.#reference)), [], 'these were lost')
  }

  // Chance and time

  #passTime(): void {
    const steps = this.#dice.chance(0.15) ? -this.#dice.int(8) : this.#dice.int(7)
    this.#nowMs += tick * steps
  }

  #now(): Date {
    return this.#kit.at(this.#nowMs)
  }

  #newClaim(): { now: Date; leaseToken: string; leaseUntil: Date } {
    const leaseUntil = this.#kit.at(this.#nowMs + leaseForMs)
    return { now: this.#now(), leaseToken: this.#kit.id('lease'), leaseUntil }
  }

  /** Up to four of what was ever claimed, also what has passed on since. */
  #someHeld(): DeliveryRecord[] {
    const recent = this.#heldDeliveries.slice(-10)
    return [
      ...new Set(this.#dice.times(1 + this.#dice.int(6), () => this.#dice.pickFrom(recent))),
    ].filter((row) => row !== undefined)
  }

  #someDeliveries(): string[] {
    const all = [...this.#reference.deliveries.keys(), 'dlv_none']
    const held = idsOf(this.#heldDeliveries.slice(-10))
    const ids = held.length > 0 && this.#dice.chance(0.5) ? held : all
    return [...new Set(this.#dice.times(1 + this.#dice.int(6), () => this.#dice.pick(ids)))]
  }

  #sometimesForeign({ tenantId, id }: { tenantId: string; id: string }) {
    return { tenantId: this.#dice.chance(0.1) ? this.#dice.pick(tenants) : tenantId, id }
  }

  #tell(what: string): void {
    this.story.push(`${this.#nowMs} ms: ${what}`)
  }
}
