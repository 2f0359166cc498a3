import type { HealthChange, Settlement } from '../../../storage/storage.ts'
import type { EndpointFact } from '../endpoint-states.ts'
import type { Incarnation } from '../incarnation.ts'
import { settledBy } from '../ledger.ts'
import type { Check, EffectOf } from '../observed.ts'
import type { CheckContext } from './facts.ts'

/** An endpoint answers for what its receiver did, and for nothing of ours. */
export function blame({ scenario, ledger, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('fair blame', what)
  /** What each process has recorded of attempts and not yet of health. */
  const unreported = new Map<Incarnation, Settlement[]>()
  const answered410 = new Set<string>()

  function checkChange(change: HealthChange, batch: Settlement[]): void {
    const ofEndpoint = batch.filter(({ attempt }) => attempt.endpointId === change.endpointId)
    const lastSuccess = ofEndpoint.findLastIndex(({ attempt }) => attempt.succeeded)
    if (change.succeeded && lastSuccess < 0) {
      breaks(`${change.endpointId} is praised without a success`)
    }
    const failures = ofEndpoint
      .slice(change.succeeded ? lastSuccess + 1 : 0)
      .filter(({ attempt }) => attempt.error !== null && attempt.error.origin !== 'sender')
    if (change.failedAttempts > failures.length) {
      breaks(`${change.endpointId} is blamed for ${change.failedAttempts} of ${failures.length}`)
    }
  }

  /** Whether an endpoint was failing when a process last looked: it acts on what it saw. */
  const seenFailing = new Map<string, boolean>()

  function checkDisabling({ params, answer, at, by }: EffectOf<'updateEndpoint'>): void {
    const { active, disabledReason: reason } = params.changes
    const endpoint = ledger.endpoints.get(params.id)
    if (active !== false || answer === null || endpoint === undefined) return
    if (reason === 'gone' && !answered410.has(params.id)) breaks(`${params.id} never answered 410`)
    const sawIt = seenFailing.get(`${by.name} ${params.id}`) ?? false
    if (reason === 'failing' && !sawIt && !isFailing(endpoint, at)) {
      breaks(
        `${params.id} is switched off as failing after ${endpoint.failedAttempts} failures ` +
          `since ${endpoint.failingSince}`,
      )
    }
  }

  function isFailing({ failingSince, failedAttempts }: EndpointFact, at: number): boolean {
    const { disable, clockErrorMs } = scenario
    if (disable === false || failingSince === null) return false
    const failingMs = at - failingSince + 2 * clockErrorMs
    return failingMs >= disable.afterMs && failedAttempts >= disable.attempts
  }

  return {
    effect(effect) {
      if (effect.method === 'settleDeliveries') {
        const settled = settledBy(effect)
        const ofSchedule = settled.filter(({ id }) => ledger.deliveries.get(id)?.isTest !== true)
        if (ofSchedule.length > 0) unreported.set(effect.by, ofSchedule)
        for (const { attempt } of settled) {
          if (attempt.response?.status === 410) answered410.add(attempt.endpointId)
        }
      }
      if (effect.method === 'recordHealth') {
        for (const change of effect.params.changes) {
          checkChange(change, unreported.get(effect.by) ?? [])
        }
        unreported.delete(effect.by)
      }
      if (effect.method === 'getEndpoint') {
        const endpoint = ledger.endpoints.get(effect.params.id)
        const isSeen = endpoint !== undefined && isFailing(endpoint, effect.at)
        seenFailing.set(`${effect.by.name} ${effect.params.id}`, isSeen)
      }
      if (effect.method === 'updateEndpoint') checkDisabling(effect)
    },
  }
}
