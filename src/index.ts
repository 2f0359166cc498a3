/**
 * `@ainexlayer/webhooks`: send webhooks from a Node backend, signed, retried and logged.
 */

export type { DrainOptions, DrainResult, WorkerState } from './core/engine.ts'
export type { EmitOptions, EmittedEvent } from './core/events/emitter.ts'
export {
  defineEvents,
  type EventData,
  type EventDefinitions,
  type EventName,
  type EventRegistry,
  type JsonSchema,
  type SentEventData,
} from './core/events/registry.ts'
export type { DisablePolicy } from './core/health/endpoint-health.ts'
export type { Filter, FilterCondition, FilterValue } from './core/matching/filter.ts'
export { matchesPattern } from './core/matching/pattern.ts'
export type {
  NotificationListener,
  NotificationName,
  Notifications,
} from './core/notifications.ts'
export type { RedactOptions } from './core/redaction/payload-redaction.ts'
export type { Limits } from './core/settings.ts'
export type { CustomSignatureOptions } from './core/signing/custom-signature.ts'
export type { EncryptionOptions } from './core/signing/secret-box.ts'
export { type SignInput, sign } from './core/signing/signer.ts'
export {
  isWebhooksError,
  WebhooksError,
  type WebhooksErrorCode,
  type WebhooksErrorIssue,
  type WebhooksErrorOptions,
} from './errors.ts'
export type * from './model.ts'
export type { Deliveries, DeliveryListOptions } from './operations/deliveries.ts'
export type { EndpointInput } from './operations/endpoint-settings.ts'
export type {
  CreateEndpointInput,
  EndpointChanges,
  EndpointListOptions,
  Endpoints,
  EndpointWithSecret,
  SecretInput,
} from './operations/endpoints.ts'
export type { EventListOptions, Events } from './operations/events.ts'
export type { ExplainOptions, Explanation } from './operations/explain.ts'
export type { Health, HealthOptions, ReadHealth } from './operations/health.ts'
export type { PageOptions } from './operations/listing.ts'
export type { PruneOptions, PruneResult } from './operations/prune.ts'
export type { Recover, RecoverOptions, RecoverResult } from './operations/recover.ts'
export type {
  ReencryptAllResult,
  ReencryptOptions,
  ReencryptResult,
} from './operations/reencrypt.ts'
export type { ReadStats, Stats, StatsOptions } from './operations/stats.ts'
export type { TenantOptions } from './operations/tenant.ts'
export type { AttemptFacts, Clock, Logger, Measured, Random, Telemetry } from './ports.ts'
export { type PollingSchedulerOptions, pollingScheduler } from './scheduling/polling.ts'
export type { Scheduler, SchedulerHost, Work } from './scheduling/scheduler.ts'
export { memoryStorage } from './storage/memory/index.ts'
export type * from './storage/storage.ts'
export {
  type AddressGuard,
  type AddressGuardOptions,
  createAddressGuard,
} from './transport/address-guard.ts'
export { type HttpTransportOptions, httpTransport } from './transport/http.ts'
export type { Transport, TransportRequest, TransportResult } from './transport/transport.ts'
export {
  createWebhooks,
  type EmitInput,
  type TenantWebhooks,
  type Webhooks,
  type WebhooksOptions,
} from './webhooks.ts'
