import type { RetryPolicy } from '../../../model.ts'
import type { Settlement } from '../../../storage/storage.ts'
import { settledBy } from '../ledger.ts'
import type { DeliveryFact } from '../ledger-facts.ts'
import type { Check, Effect, SentRequest } from '../observed.ts'
import { type CheckContext, claimOf, requestOf } from './facts.ts'

/** Attempts come in order, at their time, all of them, and not before the receiver asked. */
export function schedule({ scenario, ledger, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('schedule', what)

  function policyOf(delivery: DeliveryFact, sent: SentRequest): RetryPolicy {
    return claimOf(delivery, sent)?.endpoint.retry ?? scenario.retry
  }

  function checkSettlement(settlement: Settlement, effect: Effect): void {
    const { id, attempt, status } = settlement
    const delivery = ledger.deliveryOf(attempt.eventId, attempt.endpointId)
    const sent = delivery && requestOf(delivery, settlement, effect.by)
    if (delivery === undefined || sent?.endedClock == null) return
    if (attempt.number !== delivery.counted + 1) {
      breaks(`Attempt ${delivery.counted + 1} of ${id} is on record as number ${attempt.number}`)
    }
    const isOurs = attempt.error?.origin === 'sender'
    const counted = delivery.counted + (isOurs ? 0 : 1)
    if (settlement.attempts !== counted && !delivery.isTest) {
      breaks(`${id} has made ${counted} attempts, and ${settlement.attempts} are counted`)
    }
    if (delivery.isTest) return
    if (attempt.succeeded || isOurs) {
      const expected = isOurs ? 'pending' : 'succeeded'
      if (status !== expected) breaks(`${id} becomes ${status} instead of ${expected}`)
      return
    }
    checkRetry(delivery, settlement, sent)
  }

  function checkRetry(delivery: DeliveryFact, settlement: Settlement, sent: SentRequest) {
    const { id, status, dueAt } = settlement
    const { delaysMs, jitter } = policyOf(delivery, sent)
    const delayMs = delaysMs[delivery.step + 1]
    const isGone = sent.result?.response?.status === 410
    if (isGone || delayMs === undefined) {
      if (status !== 'failed') breaks(`${id} becomes ${status} after its last attempt`)
      return
    }
    if (status !== 'pending' || dueAt === null) {
      const left = delaysMs.length - delivery.step - 1
      return breaks(`${id} becomes ${status} with ${left} attempts left`)
    }
    const endedAt = sent.endedClock ?? 0
    const askedMs = askedMsOf(sent)
    const waitMs = dueAt.getTime() - endedAt
    const leastMs = Math.max(delayMs, askedMs)
    if (waitMs < leastMs) {
      breaks(`${id} is retried after ${waitMs} ms; its delay is ${delayMs}, asked were ${askedMs}`)
    }
    const mostMs = Math.max(leastMs, pausesBriefly(sent) ? 5_000 : 0) * (1 + jitter) + 1
    if (waitMs > mostMs) breaks(`${id} is retried only after ${waitMs} ms, of at most ${mostMs}`)
  }

  function askedMsOf({ asked, endedClock }: SentRequest): number {
    if (asked === null) return 0
    const ms = 'forMs' in asked ? asked.forMs : asked.untilMs - (endedClock ?? 0)
    return Math.min(Math.max(ms, 0), scenario.limits.retryAfterMs)
  }

  /** In true time, from one request to the next. */
  function checkWait(delivery: DeliveryFact, sent: SentRequest): void {
    if (delivery.isTest) return
    const before = delivery.sent.findLast((other) => other.logged !== null)
    if (before?.logged == null || before.logged.succeeded || before.endedAt === null) return
    const { order } = before.logged
    if (delivery.requeued.some((requeued) => requeued > order)) return
    if (before.result?.error?.origin === 'sender') return
    const delayMs = policyOf(delivery, before).delaysMs[delivery.step] ?? 0
    const leastMs = Math.max(delayMs, askedMsOf(before)) - 2 * scenario.clockErrorMs
    const waitMs = sent.sentAt - before.endedAt
    if (waitMs < leastMs) {
      breaks(`${delivery.id} was sent again after ${waitMs} ms instead of at least ${leastMs}`)
    }
  }

  return {
    effect(effect) {
      for (const settlement of settledBy(effect)) checkSettlement(settlement, effect)
      if (effect.method === 'fanOut') {
        for (const { deliveries } of effect.params.results) {
          for (const { id, eventId, endpointId, dueAt } of deliveries) {
            const createdAt = ledger.events.get(eventId)?.event.createdAt.getTime() ?? 0
            const states = ledger.endpoints.get(endpointId)?.states ?? []
            const delays = states.map(({ retry }) => (retry ?? scenario.retry).delaysMs[0] ?? 0)
            if (dueAt !== null && dueAt.getTime() < createdAt + Math.min(...delays)) {
              breaks(`${id} is due before its first delay`)
            }
          }
        }
      }
      if (effect.method === 'claimDeliveries') {
        const now = effect.params.now.getTime()
        for (const { id, endpointId } of effect.answer.deliveries) {
          const pausedUntil = ledger.endpoints.get(endpointId)?.pausedUntil ?? 0
          if (pausedUntil > now) breaks(`${id} was claimed while ${endpointId} pauses`)
        }
      }
    },

    sent(sent) {
      const delivery = ledger.deliveryOf(sent.eventId, sent.endpointId)
      if (delivery !== undefined) checkWait(delivery, sent)
    },
  }
}

/** Statuses of overload: without a Retry-After they pause an endpoint for five seconds. */
function pausesBriefly({ asked, result }: SentRequest): boolean {
  return asked === null && [429, 502, 503, 504].includes(result?.response?.status ?? 0)
}
