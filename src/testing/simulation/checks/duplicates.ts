import type { DeliveryFact } from '../ledger-facts.ts'
import type { Check, SentRequest } from '../observed.ts'
import { type CheckContext, claimOf, excuseFor } from './facts.ts'

/** A request is repeated after a failure on record, by hand, or with an excuse; else never. */
export function duplicates({ ledger, broken }: CheckContext): Check {
  function mayFollow(delivery: DeliveryFact, before: SentRequest, sent: SentRequest): boolean {
    if (before.logged !== null && !before.logged.succeeded) return true
    const { logged } = before
    if (logged !== null && delivery.requeued.some((order) => order > logged.order)) return true
    const claimedAt = claimOf(delivery, sent)?.at ?? sent.sentAt
    if (sent.by.hadTrouble(claimedAt)) return true
    return excuseFor(delivery, before) !== null
  }

  return {
    sent(sent) {
      const delivery = ledger.deliveryOf(sent.eventId, sent.endpointId)
      for (const before of delivery?.sent ?? []) {
        if (before === sent || delivery === undefined) continue
        if (mayFollow(delivery, before, sent)) continue
        const state = before.logged ? 'succeeded' : before.endedAt ? 'has ended' : 'is under way'
        broken(
          'few duplicates',
          `${sent.by.name} repeats ${delivery.id} although the request of ${before.by.name} ${state}`,
        )
      }
    },
  }
}
