import type * as z from 'zod'
import type { EventRegistry } from '../core/events/registry.ts'
import type { TenantWebhooks } from '../webhooks.ts'
import type { ManagementAccess, ManagementAction } from './access.ts'
import type { ProblemCode } from './problem.ts'

/** The part of an instance that the management API uses, bound to one tenant. */
export type TenantFace = Pick<
  TenantWebhooks<EventRegistry>,
  'endpoints' | 'deliveries' | 'events' | 'recover' | 'stats'
>

/** `'id' | 'deliveryId'` of `/:id/deliveries/:deliveryId`. */
type ParamName<Path extends string> = Path extends `${infer Before}/${infer After}`
  ? ParamName<Before> | ParamName<After>
  : Path extends `:${infer Name}`
    ? Name
    : never

/** Everything a route needs to answer a request, checked. */
export interface RouteInput<Path extends string, Query, Body> {
  params: Record<ParamName<Path>, string>
  query: Query
  body: Body
  /** The version that `If-Match` names; `undefined` where any will do. */
  ifVersion: number | undefined
  tenant: TenantFace
  registry: EventRegistry
  access: ManagementAccess
  basePath: string
}

/** What a route answers with. */
export interface Answer {
  /** Becomes JSON; left out for 204. */
  body?: object
  headers?: Record<string, string>
}

/** What a success looks like. */
interface Success {
  status: 200 | 201 | 204
  description: string
  /** The body's schema; left out where there is none. */
  schema?: z.ZodType
  /** Headers of the answer and what they say. */
  headers?: Record<string, string>
}

/** One route: how it is found, what it takes, what it answers, in code and in the document. */
export interface Route<Path extends string = string, Query = unknown, Body = unknown> {
  method: 'get' | 'post' | 'patch' | 'delete'
  path: Path
  /** The name of the operation in the OpenAPI document. */
  operationId: string
  summary: string
  description?: string
  /** What the caller must be permitted to do. `null`: anything at all. */
  action: ManagementAction | null
  query?: z.ZodType<Query>
  body?: z.ZodType<Body>
  /** Whether the body may be left out. Default false. */
  bodyOptional?: boolean
  /** Whether `If-Match` has to be sent, or counts where it is. Left out: it means nothing. */
  ifMatch?: 'required' | 'optional'
  success: Success
  /** Codes beside those that any route can answer with. */
  problems?: readonly ProblemCode[]
  handle(input: RouteInput<Path, Query, Body>): Promise<Answer>
}

/** Checks a route's types against each other, and forgets them, so that routes fit in one list. */
export function defineRoute<Path extends string, Query = undefined, Body = undefined>(
  route: Route<Path, Query, Body>,
): Route {
  return route as unknown as Route
}
