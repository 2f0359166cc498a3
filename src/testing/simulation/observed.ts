import type { Storage } from '../../storage/storage.ts'
import type { TransportRequest, TransportResult } from '../../transport/transport.ts'
import type { Incarnation } from './incarnation.ts'

/** The storage's methods that read or write. */
export type StorageMethods = Omit<Storage, 'open' | 'close' | 'onWork' | 'explainFault'>

type Params<Name extends keyof StorageMethods> = Parameters<StorageMethods[Name]>[0]
type Answer<Name extends keyof StorageMethods> = Awaited<ReturnType<StorageMethods[Name]>>

/** A storage call at the moment at which it took effect, whatever its caller hears of it. */
export type Effect = {
  [Name in keyof StorageMethods]: {
    method: Name
    params: Params<Name>
    answer: Answer<Name>
    by: Incarnation
    /** Its place among all effects. */
    order: number
    /** True time, epoch milliseconds. */
    at: number
  }
}[keyof StorageMethods]

/** The effect of one method. */
export type EffectOf<Name extends keyof StorageMethods> = Extract<Effect, { method: Name }>

/** What a receiver asked for by Retry-After. */
export type AskedWait = { forMs: number } | { untilMs: number } | null

/** A request that a process handed to its transport. */
export interface SentRequest {
  by: Incarnation
  request: TransportRequest
  eventId: string
  endpointId: string
  /** Effects that came before it. */
  order: number
  /** True time, and the process's own. */
  sentAt: number
  sentClock: number
  /** When it reached the receiver; `null` if it has not. */
  arrivedAt: number | null
  endedAt: number | null
  endedClock: number | null
  result: TransportResult | null
  /** What the answer's Retry-After means, known from how it was made. */
  asked: AskedWait
  /** Set once its attempt is on record: the place of the effect, and how the attempt ended. */
  logged: { order: number; succeeded: boolean } | null
}

/** Watches a run for one promise; breaks are reported as they happen. */
export interface Check {
  /** A storage call took effect. The ledger still shows what was before it. */
  effect?(effect: Effect): void
  /** A request is about to go out. */
  sent?(sent: SentRequest): void
  /** The engine heard how a request ended. */
  ended?(sent: SentRequest): void
  /** The world was healthy for long enough. */
  finish?(): void
}

/** A promise that did not hold. */
export interface Violation {
  /** The promise, as the checks name it. */
  promise: string
  what: string
}
