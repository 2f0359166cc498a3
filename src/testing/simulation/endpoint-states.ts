import type { RetryPolicy } from '../../model.ts'

/** The settings of an endpoint that the promises speak of, from one change to the next. */
export interface EndpointState {
  order: number
  active: boolean
  deleted: boolean
  /** When it was switched off, as its storage has it; `null` while on. */
  disabledMs: number | null
  url: string
  events: readonly string[]
  retry: RetryPolicy | null
}

export interface EndpointFact {
  id: string
  tenantId: string
  /** The last one holds. */
  states: EndpointState[]
  pausedUntil: number
  failingSince: number | null
  failedAttempts: number
}

/** How an endpoint is set now. */
export function stateOf(endpoint: EndpointFact): EndpointState {
  const state = endpoint.states.at(-1)
  if (state === undefined) throw new Error(`Endpoint ${endpoint.id} has no state`)
  return state
}

/** How an endpoint was set when the effect of this order came. */
export function stateAt(endpoint: EndpointFact, order: number): EndpointState | undefined {
  return endpoint.states.findLast((state) => state.order < order)
}

/** Whether an endpoint in this state is owed events of this type. */
export function receives(state: EndpointState, type: string): boolean {
  return state.active && !state.deleted && state.events.some((pattern) => covers(pattern, type))
}

/** The three kinds of patterns, in the shortest words. */
export function covers(pattern: string, type: string): boolean {
  if (pattern === '*' || pattern === type) return true
  return pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))
}
