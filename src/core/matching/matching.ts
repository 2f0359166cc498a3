import type { Endpoint } from '../../model.ts'
import { matchesFilter } from './filter.ts'
import { matchesPattern } from './pattern.ts'

/** The part of an endpoint that decides what it receives. */
export type Subscription = Pick<Endpoint, 'active' | 'events' | 'channels' | 'filter'>

/** The part of an event that a subscription looks at. */
export interface Occurrence {
  /** Name of the event type. */
  type: string
  channels: readonly string[]
  /** The event's data as `JSON.parse` gives it. Called only if a filter has to look at it. */
  data: () => unknown
}

/** Whether an endpoint receives an event, and the rule that decided it. */
export interface SubscriptionDecision {
  readonly receives: boolean
  /**
   * For people, and stable enough to test against. What let the event through, such as
   * `pattern document.*, channel eu, filter matches`; or the first rule that held it back:
   * `inactive`, `no pattern matches`, `no channel in common` or `filter does not match`.
   */
  readonly rule: string
}

// Most endpoints that are asked are held back: they share what is said of it.
const inactive = heldBack('inactive')
const noPattern = heldBack('no pattern matches')
const noChannel = heldBack('no channel in common')
const noFilter = heldBack('filter does not match')

/** Decides whether an endpoint receives an event. The cheapest rule is asked first. */
export function matchSubscription(
  subscription: Subscription,
  occurrence: Occurrence,
): SubscriptionDecision {
  return subscription.active ? matchRules(subscription, occurrence) : inactive
}

/** Decides whether an event is meant for an endpoint, be it active or not. */
export function matchRules(
  subscription: Omit<Subscription, 'active'>,
  occurrence: Occurrence,
): SubscriptionDecision {
  const pattern = firstCovering(subscription.events, occurrence.type)
  if (pattern === undefined) return noPattern
  let rule = `pattern ${pattern}`

  if (subscription.channels.length > 0) {
    const channel = sharedChannel(subscription.channels, occurrence.channels)
    if (channel === undefined) return noChannel
    rule += `, channel ${channel}`
  }

  if (subscription.filter !== null) {
    if (!matchesFilter(subscription.filter, occurrence.data())) return noFilter
    rule += ', filter matches'
  }
  return { receives: true, rule }
}

function heldBack(rule: string): SubscriptionDecision {
  return { receives: false, rule }
}

/** A loop, as every endpoint of a tenant is asked for every event: a callback would cost more. */
function firstCovering(patterns: readonly string[], type: string): string | undefined {
  for (const pattern of patterns) if (matchesPattern(pattern, type)) return pattern
  return undefined
}

/** The endpoint's first channel that the event was emitted to; by way of a set, in linear time. */
function sharedChannel(wanted: readonly string[], emitted: readonly string[]): string | undefined {
  const channels = new Set(emitted)
  return wanted.find((channel) => channels.has(channel))
}
