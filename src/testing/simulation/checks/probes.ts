import { probeFrom } from '../../../core/health/endpoint-health.ts'
import type { Check, SentRequest } from '../observed.ts'
import { type CheckContext, claimOf } from './facts.ts'

/** An endpoint that keeps failing is tried by one request at a time, over all processes. */
export function probes({ ledger, broken }: CheckContext): Check {
  /** By endpoint, under way, and sent while it kept failing. */
  const underWay = new Map<string, Set<SentRequest>>()

  /** Whether it must not overlap with another: what stalls for longer than a lease may. */
  function isProbe(sent: SentRequest): boolean {
    const delivery = ledger.deliveryOf(sent.eventId, sent.endpointId)
    const claim = delivery && claimOf(delivery, sent)
    if (claim === undefined || delivery?.isTest) return false
    return claim.failedAttempts >= probeFrom && !sent.by.hadTrouble(claim.at)
  }

  return {
    sent(sent) {
      if (!isProbe(sent)) return
      const others = underWay.get(sent.endpointId) ?? new Set()
      for (const other of others) {
        // A dead process hears of no end, and its probe lapses with the lease.
        if (!other.by.alive || !isProbe(other)) continue
        broken('one probe', `${sent.by.name} and ${other.by.name} both probe ${sent.endpointId}`)
      }
      underWay.set(sent.endpointId, others.add(sent))
    },

    ended(sent) {
      underWay.get(sent.endpointId)?.delete(sent)
    },
  }
}
