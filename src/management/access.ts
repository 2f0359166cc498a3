import { WebhooksError } from '../errors.ts'

/**
 * Everything that can be permitted:
 *
 * - `read`: look at endpoints, event types, deliveries and figures.
 * - `payloads`: also see what was sent and what receivers answered, word for word. Customers' data
 *   stands there, which the person on call seldom needs.
 * - `write`: create, change, switch and delete endpoints, and renew their secrets. Who may choose a
 *   URL decides where the tenant's data goes.
 * - `send`: have requests made to endpoints that exist: test, retry, cancel and recover.
 */
export const managementActions = ['read', 'payloads', 'write', 'send'] as const

/** One thing that a caller of the management API may be permitted to do. */
export type ManagementAction = (typeof managementActions)[number]

/** What a caller of the management API may do, and to whose endpoints. */
export interface ManagementAccess {
  /** Whose endpoints and deliveries: nothing of another tenant is reachable. `default` for hosts with one. */
  tenantId: string
  /** What is permitted there; nothing else is. `managementActions` are all. */
  actions: readonly ManagementAction[]
}

/**
 * Tells who calls. It sees every request, before anything else is looked at.
 *
 * @param request - The request. Its body is not yours to read; use `request.clone()` if you must.
 * @param context - What the host handed over beside the request: the framework's own request with
 * {@link nodeListener}.
 * @returns What is permitted; `null` for a caller you do not know (401); or a `Response` of your
 * own that is sent as it is, such as a redirect to your login page. A throw is 403, and logged.
 */
export type Authorize<Context> = (request: Request, context: Context) => Verdict | Promise<Verdict>

type Verdict = ManagementAccess | Response | null

/**
 * Lets what `authorize` returned pass. A host written in plain JavaScript may return anything: a
 * misspelt action or a missing tenant must never open a door.
 *
 * @throws WebhooksError `invalid_option`
 */
export function checkAccess(verdict: ManagementAccess): ManagementAccess {
  const { tenantId, actions } = verdict
  const unknown = Array.isArray(actions)
    ? actions.find((action) => !managementActions.includes(action))
    : actions
  if (typeof tenantId === 'string' && Array.isArray(actions) && unknown === undefined) {
    return { tenantId, actions }
  }
  throw new WebhooksError(
    'invalid_option',
    'authorize must return { tenantId, actions }, null or a Response. tenantId is a text ' +
      `("default" for hosts with one tenant), actions a list of ${managementActions.join(', ')}`,
  )
}
