import type { EndpointRecord, HealthChange } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { toEndpoint } from '../records.ts'
import type { Ended } from '../worker/outcome.ts'
import { isTestSend } from '../worker/outcome.ts'
import { switchOff } from './disable.ts'
import { judgeHealth, probeFrom } from './endpoint-health.ts'

/** Keeps the health of endpoints up to date, and switches off those that are gone or dead. */
export class HealthKeeper {
  readonly #context: Context
  /** Streaks whose owner was warned already: endpoint id to the streak's start. */
  readonly #warned = new Map<string, number>()

  constructor(context: Context) {
    this.#context = context
  }

  /** Takes in attempts that were accepted, in the order in which they ended. */
  async record(ended: Ended[]): Promise<void> {
    const changes = this.#changesOf(ended)
    if (changes.length > 0) {
      for (const endpoint of await this.#context.storage.recordHealth({ changes })) {
        await this.#act(endpoint)
      }
    }
    for (const { job, outcome } of ended) {
      if (outcome.gone) await this.#disableGone(job.endpoint)
    }
  }

  #changesOf(ended: Ended[]): HealthChange[] {
    const changes = new Map<string, HealthChange>()
    for (const each of ended) {
      const endpointId = each.job.endpoint.id
      const before = changes.get(endpointId)
      // What follows another attempt may end the streak that this one began.
      if (before === undefined && !bearsOnHealth(each)) continue
      const change = before ?? { ...noChange, endpointId }
      changes.set(endpointId, addTo(change, each, this.#context.clock.now()))
    }
    return [...changes.values()]
  }

  async #act(endpoint: EndpointRecord): Promise<void> {
    const { clock, notifier, settings } = this.#context
    const policy = settings.disable
    const verdict = judgeHealth(endpoint, policy, clock.now())
    const since = endpoint.failingSince?.getTime()
    if (verdict === 'disable') await this.#disableFailing(endpoint)
    if (verdict === 'healthy') this.#warned.delete(endpoint.id)
    if (verdict !== 'failing' || since === undefined || policy === false) return
    if (!endpoint.active || this.#warned.get(endpoint.id) === since) return
    this.#warned.set(endpoint.id, since)
    const disableAt = new Date(since + policy.afterMs)
    const { tenantId } = endpoint
    notifier.notify('endpoint.failing', { tenantId, endpoint: toEndpoint(endpoint), disableAt })
  }

  /** Not if its owner has changed it since the attempt began: moved it, or switched it on again. */
  async #disableGone({ tenantId, id, version }: EndpointRecord): Promise<void> {
    this.#warned.delete(id)
    const ifStill = (endpoint: EndpointRecord) => endpoint.version === version
    await switchOff(this.#context, { tenantId, id, reason: 'gone', ifStill })
  }

  /** Not if another process has recorded a success since. */
  async #disableFailing({ tenantId, id }: EndpointRecord): Promise<void> {
    const { clock, settings } = this.#context
    this.#warned.delete(id)
    const ifStill = (endpoint: EndpointRecord) =>
      judgeHealth(endpoint, settings.disable, clock.now()) === 'disable'
    await switchOff(this.#context, { tenantId, id, reason: 'failing', ifStill })
  }
}

const noChange: Omit<HealthChange, 'endpointId'> = {
  succeeded: false,
  failedAttempts: 0,
  failedAt: null,
  pausedUntil: null,
  leaseTokens: [],
}

/** What says nothing about the receiver: an attempt that was no delivery's, or a fault of ours. */
function isWithoutBlame({ job, outcome }: Ended): boolean {
  return isTestSend(job) || outcome.settlement.attempt.error?.origin === 'sender'
}

/**
 * Most attempts succeed at endpoints that are well: nothing to write. A probe is always told of, so
 * that the next one may go.
 */
function bearsOnHealth(ended: Ended): boolean {
  const { failedAttempts } = ended.job.endpoint
  if (failedAttempts >= probeFrom) return true
  if (isWithoutBlame(ended)) return false
  return !ended.outcome.settlement.attempt.succeeded || failedAttempts > 0
}

function addTo(change: HealthChange, ended: Ended, now: Date): HealthChange {
  const { settlement, pausedUntil } = ended.outcome
  const before = { ...change, leaseTokens: [...change.leaseTokens, settlement.leaseToken] }
  if (isWithoutBlame(ended)) return before
  if (settlement.attempt.succeeded) {
    return { ...before, succeeded: true, failedAttempts: 0, failedAt: null }
  }
  return {
    ...before,
    failedAttempts: before.failedAttempts + 1,
    failedAt: before.failedAt ?? now,
    pausedUntil: later(before.pausedUntil, pausedUntil),
  }
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}
