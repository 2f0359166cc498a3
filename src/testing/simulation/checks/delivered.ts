import { covers, type EndpointFact, type EndpointState } from '../endpoint-states.ts'
import type { DeliveryFact, EventFact } from '../ledger-facts.ts'
import type { Check } from '../observed.ts'
import type { CheckContext } from './facts.ts'

/** What was emitted reaches everyone it is owed to, or is seen not to. */
export function delivered({ ledger, emitted, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('at least once', what)

  /**
   * Whether the endpoint's owner took it back between emit and fan-out. What an endpoint missed
   * that was off for a while in that time leaves no delivery either (`recover` finds it), nor does
   * what it missed that was switched off later, but by an earlier clock or a call under way since.
   */
  function isForgone({ states }: EndpointFact, { event, order }: EventFact): boolean {
    const since = states.filter((state) => state.order > order)
    const wants = ({ events }: EndpointState) => events.some((name) => covers(name, event.type))
    if (since.some((state) => state.deleted || !wants(state))) return true
    const offAt = since.findIndex((state) => !state.active)
    const isOnAgain = offAt >= 0 && since.slice(offAt).some((state) => state.active)
    const disabledMs = since[offAt]?.disabledMs ?? null
    return isOnAgain || (disabledMs !== null && disabledMs < event.createdAt.getTime())
  }

  function checkOutcome(delivery: DeliveryFact): void {
    const { id, status, attempts } = delivery
    if (status === 'pending') breaks(`${id} is still pending`)
    if (status === 'succeeded' && !attempts.some(({ succeeded }) => succeeded)) {
      breaks(`${id} counts as succeeded without an attempt that did`)
    }
    if (status === 'succeeded' && !delivery.sent.some(({ arrivedAt }) => arrivedAt !== null)) {
      breaks(`${id} counts as succeeded, and nothing ever arrived`)
    }
  }

  return {
    finish() {
      for (const { id, tenantId } of emitted) {
        const stored = ledger.events.get(id)
        if (stored?.event.tenantId !== tenantId) breaks(`${id} was emitted and is not stored`)
      }
      const byKey = Map.groupBy(emitted, ({ tenantId, key, id }) => `${tenantId} ${key ?? id}`)
      for (const [key, events] of byKey) {
        const ids = new Set(events.map(({ id }) => id))
        if (ids.size > 1) breaks(`${key} stands for ${[...ids]}`)
      }
      for (const event of ledger.events.values()) {
        if (!event.event.fanOut) continue
        for (const endpoint of event.owedTo) {
          if (ledger.deliveryOf(event.event.id, endpoint.id)?.isStored) continue
          if (isForgone(endpoint, event)) continue
          breaks(`${event.event.id} was owed to ${endpoint.id} and left no delivery`)
        }
      }
      for (const delivery of ledger.deliveries.values()) checkOutcome(delivery)
    },
  }
}
