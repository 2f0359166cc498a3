import type { HealthChange, Settlement } from '../../../storage/storage.ts'
import type { EndpointFact } from '../endpoint-states.ts'
import type { Incarnation } from '../incarnation.ts'
import { settledBy } from '../ledger.ts'
import type { Check, EffectOf } from '../observed.ts'
import type { CheckContext } from './facts.ts'

/** An endpoint answers for what its receiver did, and for nothing of ours. */
export function blame({ scenario, ledger, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('fair blame', what)
  /**
   * What each process has recorded of attempts and not yet of health, by the calls that did it: they
   * go on beside each other, and a call that was given up may still take effect.
   */
  const unreported = new Map<Incarnation, Set<Settlement[]>>()
  const answered410 = new Set<string>()

  /** What a change says that these attempts do not. */
  function untruths(change: HealthChange, batch: Settlement[]): string[] {
    const ofEndpoint = batch.filter(({ attempt }) => attempt.endpointId === change.endpointId)
    const lastSuccess = ofEndpoint.findLastIndex(({ attempt }) => attempt.succeeded)
    const failures = ofEndpoint
      .slice(change.succeeded ? lastSuccess + 1 : 0)
      .filter(({ attempt }) => attempt.error !== null && attempt.error.origin !== 'sender')
    const found: string[] = []
    if (change.succeeded && lastSuccess < 0) {
      found.push(`${change.endpointId} is praised without a success`)
    }
    if (change.failedAttempts > failures.length) {
      found.push(
        `${change.endpointId} is blamed for ${change.failedAttempts} of ${failures.length}`,
      )
    }
    return found
  }

  function isAbout({ endpointId, leaseTokens }: HealthChange, batch: Settlement[]): boolean {
    const ofEndpoint = batch.filter(({ attempt }) => attempt.endpointId === endpointId)
    const tokens = new Set(ofEndpoint.map(({ leaseToken }) => leaseToken))
    return leaseTokens.every((token) => tokens.has(token))
  }

  function checkChanges(changes: HealthChange[], by: Incarnation): void {
    const batches = unreported.get(by) ?? new Set<Settlement[]>()
    const untruthsIn = (batch: Settlement[]) => changes.flatMap((change) => untruths(change, batch))
    const about = [...batches].filter((batch) => changes.every((it) => isAbout(it, batch)))
    const told = about.filter((batch) => untruthsIn(batch).length === 0)
    if (told.length === 0) for (const untruth of untruthsIn(about[0] ?? [])) breaks(untruth)
    // It may be any of them: the others are still to be told of.
    if (told.length === 1) for (const batch of told) batches.delete(batch)
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
      const settled = settledBy(effect)
      const ofSchedule = settled.filter(({ id }) => ledger.deliveries.get(id)?.isTest !== true)
      if (ofSchedule.length > 0) {
        const batches = unreported.get(effect.by) ?? new Set()
        unreported.set(effect.by, batches.add(ofSchedule))
      }
      for (const { attempt } of settled) {
        if (attempt.response?.status === 410) answered410.add(attempt.endpointId)
      }
      if (effect.method === 'recordHealth') checkChanges(effect.params.changes, effect.by)
      if (effect.method === 'getEndpoint') {
        const endpoint = ledger.endpoints.get(effect.params.id)
        const isSeen = endpoint !== undefined && isFailing(endpoint, effect.at)
        seenFailing.set(`${effect.by.name} ${effect.params.id}`, isSeen)
      }
      if (effect.method === 'updateEndpoint') checkDisabling(effect)
    },
  }
}
