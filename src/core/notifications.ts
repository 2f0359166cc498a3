import { WebhooksError } from '../errors.ts'
import type { Attempt, CancelReason, Delivery, DisabledReason, Endpoint } from '../model.ts'
import type { Logger } from '../ports.ts'

/** What a host can listen to with `webhooks.on(name, listener)`, and what it is told. */
export interface Notifications {
  /** A receiver accepted an event. */
  'delivery.succeeded': { tenantId: string; delivery: Delivery; attempt: Attempt }
  /** An attempt did not succeed; `delivery.nextAttemptAt` says whether another follows. */
  'delivery.attempt.failed': { tenantId: string; delivery: Delivery; attempt: Attempt }
  /** The last attempt of the schedule did not succeed either. */
  'delivery.failed': { tenantId: string; delivery: Delivery; attempt: Attempt }
  /** Pending deliveries were called off. */
  'delivery.cancelled': {
    tenantId: string
    deliveryIds: string[]
    endpointId: string | null
    reason: CancelReason
  }
  /** Half of the time has passed after which a failing endpoint is switched off: warn its owner. */
  'endpoint.failing': { tenantId: string; endpoint: Endpoint; disableAt: Date }
  /** An endpoint was switched off: by hand, by 410 Gone, or after days without a success. */
  'endpoint.disabled': { tenantId: string; endpoint: Endpoint; reason: DisabledReason }
  /** The storage failed; the engine backs off and goes on. `retryAt` is its next try. */
  'storage.failed': { tenantId: null; error: unknown; retryAt: Date }
}

/** A record, so that none is forgotten. */
const names: Record<NotificationName, true> = {
  'delivery.succeeded': true,
  'delivery.attempt.failed': true,
  'delivery.failed': true,
  'delivery.cancelled': true,
  'endpoint.failing': true,
  'endpoint.disabled': true,
  'storage.failed': true,
}

/** A name to listen to. */
export type NotificationName = keyof Notifications

/**
 * Is called with each notification of its name. What it throws, or what its promise rejects with,
 * is logged and goes no further; nobody waits for it.
 */
export type NotificationListener<Name extends NotificationName> = (
  notification: Notifications[Name],
) => unknown

/** Keeps the listeners of one instance. */
export class Notifier {
  readonly #listeners = new Map<NotificationName, Set<(notification: never) => void>>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * @returns A function that takes the listener off again.
   * @throws WebhooksError `invalid_option`
   */
  on<Name extends NotificationName>(name: Name, listener: NotificationListener<Name>): () => void {
    if (!Object.hasOwn(names, name)) {
      throw invalid(`there is no "${String(name)}" to listen to; there are ${listed(names)}`)
    }
    if (typeof listener !== 'function') throw invalid(`the listener for "${name}" is no function`)
    const listeners = this.#listeners.get(name) ?? new Set()
    // A wrapper of its own, so that the same function added twice is called and removed twice.
    const entry = (notification: Notifications[Name]) => listener(notification)
    this.#listeners.set(name, listeners.add(entry))
    return () => void listeners.delete(entry)
  }

  /** Whether anyone listens: spares the making of notifications for nobody. */
  has(name: NotificationName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  notify<Name extends NotificationName>(name: Name, notification: Notifications[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const outcome = (listener as NotificationListener<Name>)(notification)
        if (outcome instanceof Promise) outcome.catch((error) => this.#report(name, error))
      } catch (error) {
        this.#report(name, error)
      }
    }
  }

  #report(name: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#logger.error({ name, reason }, `A listener for "${name}" threw`)
  }
}

function listed(record: Record<string, true>): string {
  return Object.keys(record).join(', ')
}

function invalid(problem: string): WebhooksError {
  return new WebhooksError('invalid_option', `on: ${problem}`)
}
