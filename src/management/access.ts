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
 * @returns What is permitted; `null` or `undefined` for a caller you do not know (401); or a `Response` of your
 * own that is sent as it is, such as a redirect to your login page. A throw is 403, and logged.
 */
export type Authorize<Context> = (request: Request, context: Context) => Verdict | Promise<Verdict>

type Verdict = ManagementAccess | Response | null | undefined

const longestTenantId = 256

/**
 * Lets what `authorize` returned pass. A host written in plain JavaScript may return anything: a
 * misspelt action or a missing tenant must never open a door.
 *
 * @throws TypeError It is the host's mistake, and not the caller's.
 */
export function checkAccess({ tenantId, actions }: ManagementAccess): ManagementAccess {
  const isTenant =
    typeof tenantId === 'string' && tenantId.length >= 1 && tenantId.length <= longestTenantId
  const isList = Array.isArray(actions)
  if (isTenant && isList && actions.every((action) => managementActions.includes(action))) {
    return { tenantId, actions }
  }
  throw new TypeError(
    `authorize must return { tenantId, actions }, null or a Response. tenantId is a text of 1 to ` +
      `${longestTenantId} characters ("default" for hosts with one tenant), actions a list of ` +
      managementActions.join(', '),
  )
}
