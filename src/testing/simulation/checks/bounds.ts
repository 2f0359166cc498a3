import type { Incarnation } from '../incarnation.ts'
import { settledBy } from '../ledger.ts'
import type { Check, SentRequest } from '../observed.ts'
import type { CheckContext } from './facts.ts'

/** Requests end by their deadline, and no more of them run at once than the limits say. */
export function bounds({ scenario, ledger, broken }: CheckContext): Check {
  const { inFlight, inFlightPerEndpoint, timeoutMs } = scenario.limits
  const underWay = new Map<Incarnation, Set<SentRequest>>()

  function isTest({ eventId, endpointId }: SentRequest): boolean {
    return ledger.deliveryOf(eventId, endpointId)?.isTest ?? false
  }

  return {
    effect(effect) {
      const mostMs = timeoutMs + 2 * scenario.clockErrorMs
      for (const { id, attempt } of settledBy(effect)) {
        if (attempt.durationMs <= mostMs) continue
        broken('deadline', `An attempt of ${id} took ${attempt.durationMs} ms, of ${timeoutMs}`)
      }
    },

    sent(sent) {
      if (isTest(sent)) return
      const running = underWay.get(sent.by) ?? new Set()
      underWay.set(sent.by, running.add(sent))
      if (running.size > inFlight) {
        broken('caps', `${sent.by.name} has ${running.size} requests under way, of ${inFlight}`)
      }
      const { endpointId } = sent
      const toOne = [...running].filter((other) => other.endpointId === endpointId).length
      if (toOne > inFlightPerEndpoint) {
        broken('caps', `${sent.by.name} has ${toOne} requests to ${endpointId} under way`)
      }
    },

    ended(sent) {
      underWay.get(sent.by)?.delete(sent)
      const tookMs = (sent.endedAt ?? 0) - sent.sentAt
      if (tookMs > timeoutMs) {
        broken('deadline', `A request by ${sent.by.name} took ${tookMs} ms, of ${timeoutMs}`)
      }
    },
  }
}
