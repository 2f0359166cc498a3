/** What is known of events and deliveries, from the calls and requests that were seen. */
import type { Attempt, DeliveryStatus } from '../../model.ts'
import type { NewEvent } from '../../storage/storage.ts'
import type { EndpointFact, EndpointState } from './endpoint-states.ts'
import type { Incarnation } from './incarnation.ts'
import type { SentRequest } from './observed.ts'

export interface EventFact {
  event: NewEvent
  order: number
  /** Endpoints that were subscribed when it was stored. */
  owedTo: EndpointFact[]
  claims: EventClaimFact[]
  /** The claim that holds, live or not; `null` in nobody's hands. */
  claim: EventClaimFact | null
}

/** An event in the hands of a process that fans it out. */
export interface EventClaimFact {
  token: string
  by: Incarnation
  order: number
  at: number
  untilMs: number
}

export interface LeaseFact {
  token: string
  by: Incarnation
  order: number
  at: number
  untilMs: number
  /** The endpoint as the claim saw it. */
  endpoint: EndpointState
  failedAttempts: number
}

export interface DeliveryFact {
  id: string
  /** `false`: sent under the lease of its event, and not stored yet. */
  isStored: boolean
  tenantId: string
  eventId: string
  endpointId: string
  status: DeliveryStatus
  dueMs: number | null
  lease: LeaseFact | null
  claims: LeaseFact[]
  /** Attempts on record, in the order in which they were recorded. */
  attempts: Attempt[]
  counted: number
  /** Place in the schedule. */
  step: number
  /** Orders of effects that put it back in the queue by hand. */
  requeued: number[]
  sent: SentRequest[]
  /** A test send: not fanned out, not retried. */
  isTest: boolean
}
