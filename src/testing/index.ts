/**
 * `@ainexlayer/webhooks/testing`: what tests of hosts and adapters need.
 */
export type { ConformanceChapter, ConformanceReport } from './conformance/report.ts'
export {
  type MisbehavingReceiver,
  type Misbehaviour,
  misbehavingReceiver,
  misbehaviours,
  type NameServer,
  type ReceivedRequest,
} from './misbehaving-receiver/index.ts'
export {
  type SchedulerCapabilities,
  type SchedulerFixture,
  type SchedulerSuiteOptions,
  type SchedulerWishes,
  testScheduler,
} from './scheduler-suite/index.ts'
export {
  type CreateInstance,
  type SimulateOptions,
  type SimulationResult,
  simulate,
  type Violation,
} from './simulation/index.ts'
export {
  type RawRows,
  type StorageCapabilities,
  type StorageFixture,
  type StorageSuiteOptions,
  testStorage,
} from './storage-suite/index.ts'
export type { TestAnswer, TestReceiver, TestRequest } from './test-receivers.ts'
export {
  createTestWebhooks,
  type Duration,
  type TestWebhooks,
  type TestWebhooksOptions,
} from './test-webhooks.ts'
