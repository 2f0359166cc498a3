/**
 * `@ainexlayer/webhooks/receiver`: verify and receive webhooks on any runtime that has WebCrypto.
 */
export {
  isWebhooksError,
  WebhooksError,
  type WebhooksErrorCode,
  type WebhooksErrorIssue,
  type WebhooksErrorOptions,
} from '../errors.ts'
export type { ReceiverAnswer } from './answer.ts'
export type { NodeResponse } from './express.ts'
export type { FastifyScope } from './fastify.ts'
export type {
  ReceivedEvents,
  ReceiverRegistry,
  WebhookHandler,
  WebhookHandlers,
} from './handlers.ts'
export type { WebhookHeaders } from './headers.ts'
export {
  type ClaimOutcome,
  type IdempotencyStore,
  type MemoryIdempotencyOptions,
  memoryIdempotency,
} from './idempotency.ts'
export type { WebhookPayload } from './payload.ts'
export type { NodeRequest } from './raw-body.ts'
export {
  createReceiver,
  type Receiver,
  type ReceiverErrorListener,
  type ReceiverFailure,
  type ReceiverOptions,
  type ReceiverRequest,
  type RespondRule,
} from './receiver.ts'
export { type VerifyOptions, verify, type WebhookBody } from './verify.ts'
