import { checkWebhooksOptions } from './check-options.ts'
import { BacklogReader } from './core/backlog-reader.ts'
import type { Context } from './core/context.ts'
import { type DrainOptions, type DrainResult, Engine } from './core/engine.ts'
import type { EmitOptions, EmitRequest, EmittedEvent } from './core/events/emitter.ts'
import type { EventData, EventName, EventRegistry } from './core/events/registry.ts'
import { guardedLogger } from './core/guarded-logger.ts'
import { type DisablePolicy, resolveDisablePolicy } from './core/health/endpoint-health.ts'
import { resolveRetryPolicy } from './core/health/retry-policy.ts'
import { createIdSource } from './core/ids.ts'
import { type NotificationListener, type NotificationName, Notifier } from './core/notifications.ts'
import { PayloadRedaction, type RedactOptions } from './core/redaction/payload-redaction.ts'
import { resilientStorage, stopped } from './core/resilient-storage.ts'
import { type Limits, resolveLimits, resolveUserAgent } from './core/settings.ts'
import { type CustomSignatureOptions, customSignature } from './core/signing/custom-signature.ts'
import { type EncryptionOptions, SecretBox } from './core/signing/secret-box.ts'
import { WebhooksError } from './errors.ts'
import type { RetryPolicy } from './model.ts'
import { createDeliveries, type Deliveries } from './operations/deliveries.ts'
import { createEndpoints, type Endpoints } from './operations/endpoints.ts'
import { createEvents, type Events } from './operations/events.ts'
import { type ExplainOptions, type Explanation, explainEvent } from './operations/explain.ts'
import { requireInstant } from './operations/filters.ts'
import { createHealth, type ReadHealth } from './operations/health.ts'
import { type PruneOptions, type PruneResult, prune } from './operations/prune.ts'
import { createRecover, type Recover } from './operations/recover.ts'
import {
  type ReencryptAllResult,
  type ReencryptOptions,
  reencryptAll,
} from './operations/reencrypt.ts'
import { createStats, type ReadStats } from './operations/stats.ts'
import { anyTenant, onlyTenant, type TenantOf } from './operations/tenant.ts'
import { checkOptions } from './option-names.ts'
import type { Clock, Logger, Random, Telemetry } from './ports.ts'
import { pollingScheduler } from './scheduling/polling.ts'
import type { Scheduler } from './scheduling/scheduler.ts'
import type { Storage } from './storage/storage.ts'
import { consoleLogger, systemClock, systemRandom } from './system.ts'
import type { AddressGuardOptions } from './transport/address-guard.ts'
import { httpTransport } from './transport/http.ts'
import type { Transport } from './transport/transport.ts'

/** What {@link createWebhooks} takes. */
export interface WebhooksOptions<Registry extends EventRegistry, Transaction> {
  /** The event types, from `defineEvents` or `ainexlayerEvents`. */
  events: Registry
  /** Where everything is kept: `memoryStorage()`, `sqliteStorage({ path })` or an adapter of yours. */
  storage: Storage<Transaction>
  /** When failed attempts are repeated. Default: ten attempts over three days, jitter 0.2. */
  retry?: Partial<RetryPolicy> | undefined
  /** When a failing endpoint is switched off. Default: 5 days and 10 attempts; `false`: never. */
  disable?: Partial<DisablePolicy> | false | undefined
  /** Exceptions to the rule that nothing private is called. Not together with `transport`. */
  addressGuard?: AddressGuardOptions | undefined
  /** Bounds on time, memory and concurrency. */
  limits?: Partial<Limits> | undefined
  /** A home-made signature to send beside the standard one, for receivers that still check it. */
  signing?: { custom?: CustomSignatureOptions | undefined } | undefined
  /**
   * Encrypts signing secrets and custom header values in the storage. Default: they are stored as
   * they are. Values stored before it was given go on working; see `reencrypt`.
   */
  encryption?: EncryptionOptions | undefined
  /** Payload fields that are hidden from those who look at events and attempts. Default none. */
  redact?: RedactOptions | undefined
  /** The `user-agent` header: printable ASCII. Default `AINexLayer-Webhooks/1`. */
  userAgent?: string | undefined
  /** Who wakes the worker. Default `pollingScheduler()`. */
  scheduler?: Scheduler | undefined
  /** Who sends. Default `httpTransport({ addressGuard })`. */
  transport?: Transport | undefined
  /** Where the engine reports. Default: warnings and errors to the console. */
  logger?: Logger | undefined
  /** Who follows with traces and metrics: `openTelemetry()`. Default nobody. */
  telemetry?: Telemetry | undefined
  /** Default: the system's. */
  clock?: Clock | undefined
  /** Default: the system's. */
  random?: Random | undefined
}

/** One entry of `emitMany`. */
export type EmitInput<Registry extends EventRegistry> = {
  [Name in EventName<Registry>]: {
    type: Name
    data: EventData<Registry, Name>
  } & Omit<EmitOptions, 'transaction' | 'tenantId'> & { tenantId?: string | undefined }
}[EventName<Registry>]

/** The face of one tenant: whatever belongs to others does not exist here. */
export interface TenantWebhooks<Registry extends EventRegistry, Transaction = never> {
  /**
   * Takes in an event. Resolves once it is durable; sending it is the worker's business.
   *
   * @throws WebhooksError `unknown_event`, `invalid_payload`, `payload_not_serializable`,
   * `payload_too_large`, `invalid_event_schema`, `invalid_option`, `transaction_unsupported`,
   * `stopped`, `storage_failed` or another code that begins with `storage_`
   */
  emit<Name extends EventName<Registry>>(
    type: Name,
    data: EventData<Registry, Name>,
    options?: EmitOptions<Transaction>,
  ): Promise<EmittedEvent>
  /** Takes in a list of events, all or none. @throws as `emit` */
  emitMany(
    events: readonly EmitInput<Registry>[],
    options?: { transaction?: Transaction | undefined },
  ): Promise<EmittedEvent[]>
  readonly endpoints: Endpoints
  readonly deliveries: Deliveries
  readonly events: Events
  /** Sends again what an endpoint did not get in a span of time; `dryRun` counts only. */
  recover: Recover
  /** Tells for every endpoint whether it would receive an event, and by which rule. */
  explain<Name extends EventName<Registry>>(
    type: Name,
    data: EventData<Registry, Name>,
    options?: ExplainOptions,
  ): Promise<Explanation[]>
  /** Success rate, latency and backlog. */
  stats: ReadStats
  /**
   * Listens to what happens in this process: on the face of one tenant, to what is that tenant's
   * alone, which `storage.failed` is not.
   *
   * @returns A function that takes the listener off again.
   * @throws WebhooksError `invalid_option`
   */
  on<Name extends NotificationName>(name: Name, listener: NotificationListener<Name>): () => void
}

/** An instance: the face of all tenants, and its lifecycle. */
export interface Webhooks<Registry extends EventRegistry, Transaction = never>
  extends TenantWebhooks<Registry, Transaction> {
  /** The event types and their schemas. */
  readonly registry: Registry
  /**
   * Opens the storage and begins to deliver. A process that only emits need not start.
   *
   * @throws WebhooksError `stopped`, `driver_missing`, `storage_failed` or another code that begins
   * with `storage_`
   */
  start(): Promise<void>
  /**
   * Stores what was emitted, finishes attempts under way (up to `limits.stopGraceMs`), hands back
   * the rest without counting an attempt, and closes connections and storage. Final. A part that
   * hangs is given up after 10 seconds.
   */
  stop(): Promise<void>
  /**
   * Does what is due and returns before the deadline; for serverless hosts and cron, instead of
   * `start`. One at a time: a second call waits for the first, as long as its own time lasts.
   *
   * @throws WebhooksError `conflict` once `start` was called, `invalid_option`, `stopped`,
   * `storage_failed` or another code that begins with `storage_`
   */
  drain(options: DrainOptions): Promise<DrainResult>
  /** Deletes what ended before an instant; never anything pending. */
  prune(options: PruneOptions): Promise<PruneResult>
  /**
   * For readiness probes: whether this instance can do its work, over all tenants. Resolves within
   * `timeoutMs` and never throws, in whatever state the instance or its storage is. Opens the
   * storage, as any first call does.
   */
  health: ReadHealth
  /**
   * Encrypts the secrets and header values of all endpoints of all tenants with the first of
   * `encryption.keys`, in batches of bounded size. It can be repeated at any time: what has the key
   * already is left alone. Once it tells of nothing `unreadable`, and every process knows the new
   * key, an old key can go. Each endpoint that is written gets a new `version`.
   *
   * @throws WebhooksError `invalid_option` without `encryption`, or with a `limit` below 1;
   * `invalid_cursor`
   */
  reencrypt(options?: ReencryptOptions): Promise<ReencryptAllResult>
  /** The same face, bound to one tenant. @throws WebhooksError `invalid_option` */
  forTenant(tenantId: string): TenantWebhooks<Registry, Transaction>
}

/**
 * Creates an instance. Nothing is opened or sent before the first call.
 *
 * @example
 * const webhooks = createWebhooks({ events: ainexlayerEvents, storage: memoryStorage() })
 *
 * @throws WebhooksError `invalid_option`, `invalid_header`
 */
export function createWebhooks<Registry extends EventRegistry, Transaction = never>(
  options: WebhooksOptions<Registry, Transaction>,
): Webhooks<Registry, Transaction> {
  const context = createContext(options)
  const registry: EventRegistry = options.events
  const scheduler = options.scheduler ?? pollingScheduler()
  const backlog = new BacklogReader(context)
  const engine = new Engine(context, { registry, scheduler, backlog })

  function face(tenantOf: TenantOf, onlyFor: string | null): TenantWebhooks<Registry, Transaction> {
    const parts = { onDue: () => engine.notifyDue() }
    const requestOf = (type: string, data: unknown, given: EmitOptions<unknown>): EmitRequest => {
      const tenantId = tenantOf('emit', given, emitNames)
      return { type, data, options: { ...given, tenantId } }
    }
    return {
      async emit(type, data, emitOptions = {}) {
        if (engine.isStopping) throw stopped()
        return engine.emitter.emit(requestOf(type, data, emitOptions))
      },
      async emitMany(events, manyOptions = {}) {
        if (engine.isStopping) throw stopped()
        const { transaction } = checkOptions('emitMany', manyOptions, ['transaction'])
        const requests = listOf(events).map(({ type, data, ...given }) =>
          requestOf(type, data, given),
        )
        return engine.emitter.emitMany(requests, transaction)
      },
      endpoints: createEndpoints(context, tenantOf),
      deliveries: createDeliveries(context, tenantOf, parts),
      events: createEvents(context, tenantOf),
      recover: createRecover(context, tenantOf, parts),
      async explain(type, data, given = {}) {
        const tenantId = tenantOf('explain', given, ['channels'])
        const { channels = [] } = given
        return explainEvent(context, registry, { type, data, channels, tenantId })
      },
      stats: createStats(context, tenantOf),
      on(name, listener) {
        if (onlyFor === null) return context.notifier.on(name, listener)
        return context.notifier.on(name, (notification) =>
          notification.tenantId === onlyFor ? listener(notification) : undefined,
        )
      },
    }
  }

  return {
    ...face(anyTenant, null),
    registry: options.events,
    start: () => engine.start(),
    stop: () => engine.stop(),
    async drain(drainOptions) {
      const { deadline } = checkOptions('drain', drainOptions, ['deadline'])
      return engine.drain({ deadline: requireInstant('deadline', deadline) })
    },
    prune: (pruneOptions) => prune(context, pruneOptions),
    health: createHealth(context, { engine, backlog }),
    reencrypt: (reencryptOptions) => reencryptAll(context, reencryptOptions),
    forTenant: (tenantId) => face(onlyTenant(tenantId), tenantId),
  }
}

const emitNames: readonly (keyof EmitOptions)[] = ['idempotencyKey', 'channels', 'transaction']

function listOf<Entry>(events: readonly Entry[]): readonly Entry[] {
  if (
    Array.isArray(events) &&
    events.every((entry) => typeof entry === 'object' && entry !== null)
  ) {
    return events
  }
  throw new WebhooksError('invalid_option', 'emitMany takes a list of { type, data }')
}

function createContext<Transaction>(options: WebhooksOptions<EventRegistry, Transaction>): Context {
  checkWebhooksOptions(options as WebhooksOptions<EventRegistry, unknown>)
  const { clock = systemClock, random = systemRandom, telemetry = null } = options
  const logger = guardedLogger(options.logger ?? consoleLogger)
  const { addressGuard, signing = {} } = options
  const { custom } = checkOptions('signing', signing, ['custom'])
  const redaction = new PayloadRedaction(options.redact)
  return {
    settings: {
      retry: resolveRetryPolicy(options.retry),
      disable: resolveDisablePolicy(options.disable),
      limits: resolveLimits(options.limits),
      customSignature: custom === undefined ? null : customSignature(custom),
      userAgent: resolveUserAgent(options.userAgent),
      redaction,
    },
    clock,
    random,
    logger,
    telemetry,
    ids: createIdSource({ clock, random }),
    notifier: new Notifier(logger),
    storage: resilientStorage(options.storage as Storage<unknown>, {
      clock,
      redaction,
      onFault: (method) => telemetry?.storageFault(method),
    }),
    transport: options.transport ?? httpTransport({ addressGuard }),
    secretBox: new SecretBox(options.encryption, random),
  }
}
