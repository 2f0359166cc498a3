import { openApiWebhooks } from '../../catalogue/openapi-webhooks.ts'
import type { EventRegistry } from '../../core/events/registry.ts'
import { type ProblemCode, statusOf } from '../problem.ts'
import type { Route } from '../route.ts'
import { problemSchema } from '../schemas/common.ts'
import { components, type Json, schemaOf } from './json-schema.ts'

/** The OpenAPI document (3.1): routes and event types, from the very schemas that check them. */
export function openApiDocument({
  routes,
  registry,
  basePath,
}: {
  routes: readonly Route[]
  registry: EventRegistry
  basePath: string
}): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Webhooks',
      description: 'Endpoints, their deliveries, and what can be done about them.',
      version: '1',
    },
    servers: [{ url: basePath }],
    security: [{ host: [] }],
    paths: pathsOf(routes),
    webhooks: openApiWebhooks(registry),
    components: {
      schemas: components(),
      securitySchemes: {
        host: { type: 'http', scheme: 'bearer', description: 'As the host decides.' },
      },
    },
  }
}

function pathsOf(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {
    '/openapi.json': { get: documentOperation() },
  }
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return paths
}

function documentOperation(): Json {
  return {
    operationId: 'getDocument',
    summary: 'Read this document',
    responses: {
      200: {
        description: 'OpenAPI 3.1.',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
      ...problemResponses(['unauthorized', 'forbidden', 'internal']),
    },
  }
}

function operation(route: Route): Json {
  const { operationId, summary, description, success } = route
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    ...(route.action !== null && { 'x-permission': route.action }),
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body !== undefined && {
      requestBody: {
        required: route.bodyOptional !== true,
        content: { 'application/json': { schema: schemaOf(route.body) } },
      },
    }),
    responses: {
      [success.status]: {
        description: success.description,
        headers: Object.fromEntries(
          Object.entries(success.headers ?? {}).map(([name, description]) => [
            name,
            { description, schema: { type: 'string' } },
          ]),
        ),
        ...(success.schema !== undefined && {
          content: { 'application/json': { schema: schemaOf(success.schema) } },
        }),
      },
      ...problemResponses(problemsOf(route)),
    },
  }
}

function pathParameters({ path }: Route): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query }: Route): Json[] {
  if (query === undefined) return []
  const { properties = {} } = schemaOf(query) as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    description,
    schema,
  }))
}

function headerParameters({ method, ifMatch }: Route): Json[] {
  const schema = { type: 'string' }
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'A key of your own: a repeat under it is answered, and not done again.',
    schema: { type: 'string', maxLength: 255 },
  }
  const version = {
    name: 'If-Match',
    in: 'header',
    required: ifMatch === 'required',
    description: 'The ETag of what you read, or `*`.',
    schema,
  }
  return [...(method === 'post' ? [key] : []), ...(ifMatch === undefined ? [] : [version])]
}

/** Codes that a route can answer with, those that any route has included. */
function problemsOf(route: Route): ProblemCode[] {
  return [
    'unauthorized',
    'forbidden',
    'invalid_request',
    'invalid_option',
    'storage_failed',
    'storage_unreachable',
    'storage_closed',
    'stopped',
    'internal',
    ...(route.path.includes(':') ? (['not_found'] as const) : []),
    ...(route.body === undefined
      ? []
      : (['invalid_json', 'body_too_large', 'unsupported_media_type'] as const)),
    ...(route.method === 'post' ? (['cross_site_request', 'idempotency_key_reused'] as const) : []),
    ...(route.ifMatch === undefined ? [] : (['version_mismatch'] as const)),
    ...(route.ifMatch === 'required' ? (['if_match_missing'] as const) : []),
    ...(route.problems ?? []),
  ]
}

function problemResponses(codes: readonly ProblemCode[]): Json {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of codes) {
    byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code])
  }
  const sorted = [...byStatus].sort(([one], [other]) => one - other)
  return Object.fromEntries(sorted.map(([status, codes]) => [status, problemWith(codes)]))
}

function problemWith(codes: readonly ProblemCode[]): Json {
  const schema = { allOf: [schemaOf(problemSchema), { properties: { code: { enum: codes } } }] }
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: { 'application/problem+json': { schema } },
  }
}
