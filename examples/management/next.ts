/**
 * The management API in a Next.js app: what `app/api/v1/webhooks/[[...path]]/route.ts` exports.
 * Next.js calls the function that has the request's method as its name.
 */
import {
  type ManagedWebhooks,
  type ManagementApi,
  managementApi,
} from '@ainexlayer/webhooks/management'
import { accessOf } from './access.ts'

type RouteHandlers = Record<
  'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS',
  ManagementApi
>

export function createRouteHandlers(webhooks: ManagedWebhooks): RouteHandlers {
  const api = managementApi(webhooks, {
    authorize: (request) => accessOf(request.headers.get('authorization')),
  })
  return { GET: api, HEAD: api, POST: api, PUT: api, PATCH: api, DELETE: api, OPTIONS: api }
}
