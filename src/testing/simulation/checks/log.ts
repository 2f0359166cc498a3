import { settledBy } from '../ledger.ts'
import type { Check } from '../observed.ts'
import { type CheckContext, excuseFor, requestOf } from './facts.ts'

/** The log tells of every request, and of nothing else. */
export function log({ ledger, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('truthful log', what)

  return {
    effect(effect) {
      for (const settlement of settledBy(effect)) {
        const { id, attempt } = settlement
        const delivery = ledger.deliveryOf(attempt.eventId, attempt.endpointId)
        const sent = delivery && requestOf(delivery, settlement, effect.by)
        if (delivery === undefined || sent === undefined) {
          breaks(`${effect.by.name} recorded an attempt of ${id} without a request`)
          continue
        }
        if (sent.logged !== null) breaks(`One request of ${id} is on record as two attempts`)
        sent.logged = { order: effect.order, succeeded: attempt.succeeded }
        const wasAnswered = sent.result?.response?.status ?? null
        const recorded = attempt.response?.status ?? null
        if (wasAnswered !== recorded) {
          breaks(`${id} is on record with ${recorded}, and was answered ${wasAnswered}`)
        }
        const origin = sent.result?.error?.origin
        if (wasAnswered === null && attempt.error?.origin !== origin) {
          breaks(`${id} is on record as the fault of ${attempt.error?.origin}, not of ${origin}`)
        }
        const is2xx = wasAnswered !== null && wasAnswered >= 200 && wasAnswered < 300
        if (attempt.succeeded !== is2xx) {
          breaks(`${id} was answered ${wasAnswered} and counts as ${attempt.succeeded}`)
        }
      }
    },

    finish() {
      for (const delivery of ledger.deliveries.values()) {
        for (const sent of delivery.sent) {
          if (sent.logged !== null || excuseFor(delivery, sent) !== null) continue
          breaks(`A request of ${delivery.id} by ${sent.by.name} is not on record`)
        }
      }
    },
  }
}
