import type { DeliveryStatus } from '../../model.ts'
import type {
  EventLease,
  HealthChange,
  NewDelivery,
  NewEvent,
  Settlement,
} from '../../storage/storage.ts'
import { type EndpointFact, type EndpointState, receives, stateOf } from './endpoint-states.ts'
import type { DeliveryFact, EventFact, LeaseFact } from './ledger-facts.ts'
import type { Effect, EffectOf, SentRequest } from './observed.ts'

/** What a process saw of an endpoint. */
type Sight = Pick<LeaseFact, 'order' | 'endpoint' | 'failedAttempts'>

/**
 * What the storage must hold, worked out from the calls that took effect: kept apart from any
 * storage's own code, so that the two can be compared.
 */
export class Ledger {
  readonly events = new Map<string, EventFact>()
  readonly endpoints = new Map<string, EndpointFact>()
  readonly deliveries = new Map<string, DeliveryFact>()
  /** Which endpoint a URL belongs to, or has belonged to: no two share one. */
  readonly endpointOfUrl = new Map<string, string>()
  readonly #byPair = new Map<string, DeliveryFact>()
  /** By process and endpoint: what it last saw of a subscriber. */
  readonly #subscribers = new Map<string, Sight>()
  #order = 0

  /** Effects so far. */
  get order(): number {
    return this.#order
  }

  /** The delivery of an event to an endpoint. */
  deliveryOf(eventId: string, endpointId: string): DeliveryFact | undefined {
    return this.#byPair.get(`${eventId} ${endpointId}`)
  }

  /** Whether nothing is owed any more. */
  isQuiet(): boolean {
    return this.#waitingEvents.size === 0 && this.#pending.size === 0
  }

  /** What is still owed, for reports. */
  get owed(): { events: string[]; deliveries: string[] } {
    return { events: [...this.#waitingEvents], deliveries: [...this.#pending] }
  }

  readonly #waitingEvents = new Set<string>()
  readonly #pending = new Set<string>()

  nextOrder(): number {
    this.#order += 1
    return this.#order
  }

  apply(effect: Effect) {
    switch (effect.method) {
      case 'insertEvents':
        for (const [index, event] of effect.params.events.entries()) {
          if (effect.answer[index]?.inserted) this.#addEvent(event, effect)
        }
        return
      case 'insertEndpoint':
        return this.#addEndpoint(effect)
      case 'updateEndpoint':
        return this.#changeEndpoint(effect)
      case 'deleteEndpoint':
        if (effect.answer) this.#change(effect.params.id, { deleted: true, order: effect.order })
        return
      case 'claimEvents':
        for (const { id } of effect.answer) this.#lease(id, effect.params, effect)
        return
      case 'releaseEvents':
        for (const { id, leaseToken } of effect.params.leases) {
          const event = this.events.get(id)
          if (event?.claim?.token === leaseToken) event.claim = null
        }
        return
      case 'listSubscribers':
        for (const { id } of effect.answer) this.#seeSubscriber(id, effect)
        return
      case 'fanOut':
        return this.#fanOut(effect)
      case 'insertDeliveries':
        return this.#insertDeliveries(effect)
      case 'claimDeliveries':
        for (const { id } of effect.answer.deliveries) this.#claim(id, effect)
        return
      case 'renewLeases':
        return this.#renew(effect)
      case 'releaseDeliveries':
        return this.#release(effect)
      case 'settleDeliveries':
        for (const settlement of settledBy(effect)) this.#settle(settlement)
        return
      case 'requeueDeliveries':
        for (const id of effect.answer) this.#requeue(id, effect.params.now, effect.order)
        return
      case 'cancelDeliveries':
        for (const id of effect.answer) this.#setStatus(id, 'cancelled', null)
        return
      case 'recordHealth':
        for (const change of effect.params.changes) this.#recordHealth(change)
    }
  }

  #addEvent(event: NewEvent, effect: EffectOf<'insertEvents'>): void {
    if (this.events.has(event.id)) return
    const { order } = effect
    const owedTo = [...this.endpoints.values()].filter(
      (endpoint) => endpoint.tenantId === event.tenantId && receives(stateOf(endpoint), event.type),
    )
    this.events.set(event.id, { event, order, owedTo, claims: [], claim: null })
    if (event.fanOut) this.#waitingEvents.add(event.id)
    if (event.lease !== null) this.#lease(event.id, event.lease, effect)
  }

  #addEndpoint({ params: { endpoint }, order }: EffectOf<'insertEndpoint'>): void {
    if (this.endpoints.has(endpoint.id)) return
    const { id, tenantId, active, url, events, retry } = endpoint
    const disabledMs = endpoint.disabledAt?.getTime() ?? null
    const states = [{ order, active, deleted: false, disabledMs, url, events, retry }]
    const health = { pausedUntil: 0, failingSince: null, failedAttempts: 0 }
    this.endpoints.set(id, { id, tenantId, states, ...health })
    this.endpointOfUrl.set(url, id)
  }

  #changeEndpoint({ params, answer, order }: EffectOf<'updateEndpoint'>): void {
    const endpoint = this.endpoints.get(params.id)
    if (endpoint === undefined || answer === null || answer === 'version_mismatch') return
    const { active, url, events, retry } = { ...stateOf(endpoint), ...given(params.changes) }
    if (active && !stateOf(endpoint).active) {
      Object.assign(endpoint, { pausedUntil: 0, failingSince: null, failedAttempts: 0 })
    }
    this.endpointOfUrl.set(url, params.id)
    const disabledMs = answer.disabledAt?.getTime() ?? null
    this.#change(params.id, { active, disabledMs, url, events, retry, order })
  }

  #change(id: string, changes: Partial<EndpointState>): void {
    const endpoint = this.endpoints.get(id)
    if (endpoint !== undefined) endpoint.states.push({ ...stateOf(endpoint), ...changes })
  }

  #fanOut(effect: EffectOf<'fanOut'>): void {
    const { params, answer } = effect
    const accepted = new Set(answer.events)
    for (const result of params.results) {
      if (!accepted.has(result.eventId)) continue
      for (const delivery of result.deliveries) this.#addDelivery(delivery, effect)
      if (result.done) this.#waitingEvents.delete(result.eventId)
    }
    for (const settlement of settledBy(effect)) this.#settle(settlement)
  }

  #lease(
    eventId: string,
    { leaseToken, leaseUntil }: EventLease,
    { by, order, at }: EffectOf<'claimEvents' | 'insertEvents'>,
  ): void {
    const event = this.events.get(eventId)
    if (event === undefined) return
    event.claim = { token: leaseToken, by, order, at, untilMs: leaseUntil.getTime() }
    event.claims.push(event.claim)
  }

  #seeSubscriber(id: string, { by, order }: EffectOf<'listSubscribers'>): void {
    const endpoint = this.endpoints.get(id)
    if (endpoint !== undefined)
      this.#subscribers.set(`${by.name} ${id}`, { order, ...seen(endpoint) })
  }

  /**
   * A request goes out. One for which nothing is stored yet goes under the lease of its event, to
   * the endpoint as its process saw it when it looked for subscribers.
   */
  send(sent: SentRequest): void {
    const { by, eventId, endpointId } = sent
    const event = this.events.get(eventId)
    const claim = event?.claims.findLast((each) => each.by === by)
    const sight = this.#subscribers.get(`${by.name} ${endpointId}`)
    const known = this.deliveryOf(eventId, endpointId)
    if (known?.isStored || !event || !claim || !sight || sight.order < claim.order) return
    const delivery = known ?? this.#addUnstored(event.event, endpointId)
    const { token, at, untilMs } = claim
    delivery.claims.push({ token, by, at, untilMs, ...sight })
  }

  #addUnstored(
    { id: eventId, tenantId }: Pick<NewEvent, 'id' | 'tenantId'>,
    endpointId: string,
  ): DeliveryFact {
    const delivery: DeliveryFact = {
      ...{ id: `${eventId} for ${endpointId}`, isStored: false, tenantId, eventId, endpointId },
      ...{ status: 'pending', dueMs: null, lease: null, claims: [], attempts: [], counted: 0 },
      ...{ step: 0, requeued: [], sent: [], isTest: false },
    }
    this.#byPair.set(`${eventId} ${endpointId}`, delivery)
    return delivery
  }

  #insertDeliveries(effect: EffectOf<'insertDeliveries'>): void {
    const inserted = new Set(effect.answer)
    for (const given of effect.params.deliveries) {
      if (!inserted.has(given.id)) continue
      const delivery = this.#addDelivery(given, effect)
      if (delivery?.lease) delivery.isTest = true
    }
  }

  #addDelivery(
    given: NewDelivery,
    { by, order, at }: EffectOf<'fanOut' | 'insertDeliveries'>,
  ): DeliveryFact | undefined {
    const { id, tenantId, eventId, endpointId, status, dueAt, leaseToken: token } = given
    const known = this.deliveryOf(eventId, endpointId)
    if (known?.isStored) return undefined
    const event = this.events.get(eventId)?.event ?? { id: eventId, tenantId }
    const delivery = known ?? this.#addUnstored(event, endpointId)
    const dueMs = dueAt?.getTime() ?? null
    Object.assign(delivery, { id, isStored: true, tenantId, status, dueMs })
    this.deliveries.set(id, delivery)
    if (status === 'pending') this.#pending.add(id)
    const endpoint = this.endpoints.get(endpointId)
    if (token !== null && dueAt !== null && endpoint !== undefined) {
      delivery.lease = { token, by, order, at, untilMs: dueAt.getTime(), ...seen(endpoint) }
      // What is on its way already went to what its process had seen before.
      if (known === undefined) delivery.claims.push(delivery.lease)
    }
    return delivery
  }

  #claim(id: string, { params, order, at, by }: EffectOf<'claimDeliveries'>): void {
    const delivery = this.deliveries.get(id)
    const endpoint = this.endpoints.get(delivery?.endpointId ?? '')
    if (delivery === undefined || endpoint === undefined) return
    const untilMs = params.leaseUntil.getTime()
    const token = params.leaseToken
    delivery.lease = { token, by, order, at, untilMs, ...seen(endpoint) }
    delivery.claims.push(delivery.lease)
    delivery.dueMs = untilMs
  }

  #renew({ params, answer }: EffectOf<'renewLeases'>): void {
    for (const id of answer) {
      const delivery = this.deliveries.get(id)
      if (delivery?.lease == null || delivery.status !== 'pending') continue
      delivery.lease.untilMs = params.leaseUntil.getTime()
      delivery.dueMs = delivery.lease.untilMs
    }
  }

  #release({ params }: EffectOf<'releaseDeliveries'>): void {
    for (const { id, leaseToken } of params.leases) {
      const delivery = this.deliveries.get(id)
      if (delivery?.lease?.token !== leaseToken) continue
      delivery.lease = null
      if (delivery.status === 'pending') delivery.dueMs = params.now.getTime()
    }
  }

  #settle(settlement: Settlement): void {
    const delivery = this.deliveries.get(settlement.id)
    if (delivery === undefined) return
    delivery.lease = null
    delivery.attempts.push(settlement.attempt)
    const counts = settlement.attempt.error?.origin !== 'sender'
    if (counts) delivery.counted += 1
    if (delivery.status === 'cancelled' && settlement.status !== 'succeeded') return
    if (counts) delivery.step += 1
    this.#setStatus(settlement.id, settlement.status, settlement.dueAt?.getTime() ?? null)
  }

  #requeue(id: string, now: Date, order: number): void {
    const delivery = this.deliveries.get(id)
    if (delivery === undefined) return
    if (delivery.status !== 'pending') delivery.step = 0
    delivery.requeued.push(order)
    delivery.lease = null
    this.#setStatus(id, 'pending', now.getTime())
  }

  #setStatus(id: string, status: DeliveryStatus, dueMs: number | null): void {
    const delivery = this.deliveries.get(id)
    if (delivery === undefined) return
    delivery.status = status
    delivery.dueMs = dueMs
    if (status === 'pending') this.#pending.add(id)
    else this.#pending.delete(id)
  }

  #recordHealth(change: HealthChange): void {
    const endpoint = this.endpoints.get(change.endpointId)
    if (endpoint === undefined || stateOf(endpoint).deleted) return
    const failedMs = change.failedAt?.getTime() ?? null
    if (change.succeeded) {
      endpoint.failedAttempts = change.failedAttempts
      endpoint.failingSince = failedMs
    } else {
      endpoint.failedAttempts += change.failedAttempts
      endpoint.failingSince ??= failedMs
    }
    endpoint.pausedUntil = Math.max(endpoint.pausedUntil, change.pausedUntil?.getTime() ?? 0)
  }
}

function seen(endpoint: EndpointFact): Pick<LeaseFact, 'endpoint' | 'failedAttempts'> {
  return { endpoint: stateOf(endpoint), failedAttempts: endpoint.failedAttempts }
}

/** The settlements that a call carried out. */
export function settledBy(effect: Effect): Settlement[] {
  const [ids, settlements] =
    effect.method === 'settleDeliveries'
      ? [effect.answer, effect.params.settlements]
      : effect.method === 'fanOut'
        ? [effect.answer.settled, effect.params.settlements ?? []]
        : [[], []]
  return ids
    .map((id) => settlements.find((settlement) => settlement.id === id))
    .filter((settlement) => settlement !== undefined)
}

function given<T extends object>(changes: T): Partial<T> {
  const entries = Object.entries(changes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<T>
}
