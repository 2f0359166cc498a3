/**
 * `@ainexlayer/webhooks/testing`: what tests of hosts and adapters need.
 */
export type { TestAnswer, TestReceiver, TestRequest } from './test-receivers.ts'
export {
  createTestWebhooks,
  type Duration,
  type TestWebhooks,
  type TestWebhooksOptions,
} from './test-webhooks.ts'
