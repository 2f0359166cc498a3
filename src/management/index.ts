/**
 * `@ainexlayer/webhooks/management`: an HTTP API over an instance, as a fetch handler.
 */
export {
  type Authorize,
  type ManagementAccess,
  type ManagementAction,
  managementActions,
} from './access.ts'
export {
  type ManagedWebhooks,
  type ManagementApi,
  type ManagementOptions,
  managementApi,
} from './api.ts'
export { nodeListener } from './node.ts'
export type { PortalOptions } from './portal/index.ts'
export type { Problem, ProblemCode, RefusalCode } from './problem.ts'
