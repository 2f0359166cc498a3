import type { Endpoint } from '../../model.ts'
import { versionMismatch } from '../request.ts'
import { type Answer, defineRoute, type Route } from '../route.ts'
import { nothing } from '../schemas/common.ts'
import { attemptSchema } from '../schemas/delivery.ts'
import {
  createEndpointSchema,
  endpointListQuery,
  endpointPageSchema,
  endpointSchema,
  endpointWithSecretSchema,
  rotateSecretSchema,
  updateEndpointSchema,
} from '../schemas/endpoint.ts'
import { showAttempt } from '../show.ts'

const unknownEndpoint = ['endpoint_not_found'] as const
const badSettings = [
  'invalid_url',
  'address_refused',
  'invalid_pattern',
  'invalid_filter',
  'invalid_header',
] as const
const etag = { etag: 'The version, for `If-Match`.' }

/** An endpoint, with its version as ETag (RFC 9110, section 8.8.3). */
function withVersion(endpoint: Endpoint): Answer {
  return { body: endpoint, headers: { etag: `"${endpoint.version}"` } }
}

/** Managing endpoints. */
export const endpointRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/',
    operationId: 'listEndpoints',
    summary: 'List endpoints',
    action: 'read',
    query: endpointListQuery,
    success: { status: 200, description: 'Newest first.', schema: endpointPageSchema },
    problems: ['invalid_cursor'],
    handle: async ({ tenant, query }) => ({ body: await tenant.endpoints.list(query) }),
  }),
  defineRoute({
    method: 'post',
    path: '/',
    operationId: 'createEndpoint',
    summary: 'Create an endpoint',
    description: 'The secret is in this answer and in no other.',
    action: 'write',
    body: createEndpointSchema,
    success: {
      status: 201,
      description: 'Created.',
      schema: endpointWithSecretSchema,
      headers: { ...etag, location: 'Where the endpoint is.' },
    },
    problems: [...badSettings, 'invalid_secret'],
    async handle({ tenant, body, basePath }) {
      const endpoint = await tenant.endpoints.create(body)
      const { headers, ...answer } = withVersion(endpoint)
      return { ...answer, headers: { ...headers, location: `${basePath}/${endpoint.id}` } }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/:id',
    operationId: 'getEndpoint',
    summary: 'Read an endpoint',
    action: 'read',
    success: { status: 200, description: 'Found.', schema: endpointSchema, headers: etag },
    problems: unknownEndpoint,
    handle: async ({ tenant, params }) => withVersion(await tenant.endpoints.get(params.id)),
  }),
  defineRoute({
    method: 'patch',
    path: '/:id',
    operationId: 'updateEndpoint',
    summary: 'Change an endpoint',
    description: 'Changes what is given and leaves the rest.',
    action: 'write',
    body: updateEndpointSchema,
    ifMatch: 'required',
    success: { status: 200, description: 'Changed.', schema: endpointSchema, headers: etag },
    problems: [...unknownEndpoint, ...badSettings],
    async handle({ tenant, params, body, ifVersion }) {
      return withVersion(await tenant.endpoints.update(params.id, body, { ifVersion }))
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/:id',
    operationId: 'deleteEndpoint',
    summary: 'Delete an endpoint',
    description: 'Cancels what is still owed to it. Its log stays until it is pruned.',
    action: 'write',
    ifMatch: 'optional',
    success: { status: 204, description: 'Deleted.' },
    problems: unknownEndpoint,
    async handle({ tenant, params, ifVersion }) {
      // Not in one step with the deletion: the storage has no such thing.
      const { version } = await tenant.endpoints.get(params.id)
      if (ifVersion !== undefined && ifVersion !== version) throw versionMismatch()
      await tenant.endpoints.delete(params.id)
      return {}
    },
  }),
  defineRoute({
    method: 'post',
    path: '/:id/enable',
    operationId: 'enableEndpoint',
    summary: 'Switch an endpoint on',
    description: 'With a clean record. What it missed is not sent by itself; see recover.',
    action: 'write',
    body: nothing,
    bodyOptional: true,
    success: { status: 200, description: 'Active.', schema: endpointSchema, headers: etag },
    problems: unknownEndpoint,
    handle: async ({ tenant, params }) => withVersion(await tenant.endpoints.enable(params.id)),
  }),
  defineRoute({
    method: 'post',
    path: '/:id/disable',
    operationId: 'disableEndpoint',
    summary: 'Switch an endpoint off',
    description: 'Cancels what is pending.',
    action: 'write',
    body: nothing,
    bodyOptional: true,
    success: { status: 200, description: 'Inactive.', schema: endpointSchema, headers: etag },
    problems: unknownEndpoint,
    handle: async ({ tenant, params }) => withVersion(await tenant.endpoints.disable(params.id)),
  }),
  defineRoute({
    method: 'post',
    path: '/:id/rotate-secret',
    operationId: 'rotateSecret',
    summary: 'Give an endpoint a new secret',
    description: 'The old one signs beside it for a while, so that receivers can change over.',
    action: 'write',
    body: rotateSecretSchema,
    bodyOptional: true,
    success: {
      status: 200,
      description: 'The new secret, in this answer and in no other.',
      schema: endpointWithSecretSchema,
      headers: etag,
    },
    problems: [...unknownEndpoint, 'invalid_secret', 'conflict'],
    async handle({ tenant, params, body = {} }) {
      return withVersion(await tenant.endpoints.rotateSecret(params.id, body))
    },
  }),
  defineRoute({
    method: 'post',
    path: '/:id/test',
    operationId: 'testEndpoint',
    summary: 'Send a test event now',
    description: 'Once, without retries, also to an inactive endpoint; its health is not touched.',
    action: 'send',
    body: nothing,
    bodyOptional: true,
    success: { status: 200, description: 'How that went.', schema: attemptSchema },
    problems: unknownEndpoint,
    async handle({ tenant, params, access }) {
      return { body: showAttempt(await tenant.endpoints.test(params.id), access) }
    },
  }),
]
