/**
 * `@ainexlayer/webhooks/receiver`: verify webhooks on any runtime that has WebCrypto.
 */
export {
  isWebhooksError,
  WebhooksError,
  type WebhooksErrorCode,
  type WebhooksErrorIssue,
  type WebhooksErrorOptions,
} from '../errors.ts'
export type { WebhookHeaders } from './headers.ts'
export type { WebhookPayload } from './payload.ts'
export { type VerifyOptions, verify, type WebhookBody } from './verify.ts'
