import { settledBy } from '../ledger.ts'
import type { Check } from '../observed.ts'
import type { CheckContext } from './facts.ts'

/** One live lease per delivery, and nobody writes without it. */
export function fencing({ ledger, broken }: CheckContext): Check {
  const recorded = new Set<string>()
  const breaks = (what: string) => broken('fencing', what)

  return {
    effect(effect) {
      if (effect.method === 'claimDeliveries') {
        const now = effect.params.now.getTime()
        for (const { id } of effect.answer.deliveries) {
          const delivery = ledger.deliveries.get(id)
          if (delivery === undefined) return breaks(`${effect.by.name} claimed unknown ${id}`)
          const { lease, status, dueMs } = delivery
          if (status !== 'pending') breaks(`${effect.by.name} claimed ${id}, which is ${status}`)
          if (dueMs !== null && dueMs > now) {
            const holder = lease === null ? '' : `, under the lease of ${lease.by.name}`
            breaks(`${effect.by.name} claimed ${id} ${dueMs - now} ms too early${holder}`)
          }
        }
      }
      if (effect.method === 'claimEvents') {
        const now = effect.params.now.getTime()
        for (const { id } of effect.answer) {
          const claim = ledger.events.get(id)?.claim ?? null
          if (claim !== null && claim.untilMs > now) {
            breaks(`${effect.by.name} claimed ${id} under the lease of ${claim.by.name}`)
          }
        }
      }
      if (effect.method === 'fanOut') {
        const accepted = new Set(effect.answer.events)
        for (const { eventId, leaseToken } of effect.params.results) {
          const claim = ledger.events.get(eventId)?.claim
          if (!accepted.has(eventId) || claim?.token === leaseToken) continue
          const holder = claim?.by.name ?? 'nobody'
          breaks(`${effect.by.name} fanned out ${eventId}, whose lease is ${holder}'s`)
        }
      }
      for (const { attempt } of settledBy(effect)) {
        if (recorded.has(attempt.id)) breaks(`${attempt.id} is on record twice`)
        recorded.add(attempt.id)
      }
      if (effect.method === 'settleDeliveries') {
        for (const { id, leaseToken } of settledBy(effect)) {
          const lease = ledger.deliveries.get(id)?.lease
          if (lease?.token !== leaseToken || lease.by !== effect.by) {
            breaks(
              `${effect.by.name} settled ${id}, whose lease is ${lease?.by.name ?? 'nobody'}'s`,
            )
          }
        }
      }
      if (effect.method === 'renewLeases') {
        for (const { id, leaseToken } of effect.params.leases) {
          const isRenewed = effect.answer.includes(id)
          const isHeld = ledger.deliveries.get(id)?.lease?.token === leaseToken
          if (isRenewed && !isHeld) breaks(`${effect.by.name} renewed ${id} without holding it`)
        }
      }
    },
  }
}
