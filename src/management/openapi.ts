import * as z from 'zod'
import { testEventName } from '../core/event-name.ts'
import type { EventRegistry } from '../core/registry.ts'
import { type ProblemCode, statusOf } from './problem.ts'
import type { Route } from './route.ts'
import { problemSchema } from './schemas/common.ts'
import { documentation } from './schemas/documentation.ts'

type Json = { [key: string]: unknown }

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
  const components = ourComponents()
  const webhooks = { ...testWebhook() }
  for (const name of registry.names) {
    const schema = embed(`event.${name}`, registry.jsonSchema(name), components)
    webhooks[name] = webhook(name, schema)
  }
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
    webhooks,
    components: {
      schemas: components,
      securitySchemes: {
        host: { type: 'http', scheme: 'bearer', description: 'As the host decides.' },
      },
    },
  }
}

const refTo = (id: string) => `#/components/schemas/${id}`

/** Every schema of ours that has a name. */
function ourComponents(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(documentation as never, {
    ...jsonSchemaOptions,
    uri: refTo,
  }) as { schemas: Record<string, Json> }
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [
      id,
      schema,
    ]),
  )
}

const jsonSchemaOptions = {
  metadata: documentation,
  target: 'draft-2020-12',
  io: 'output',
  unrepresentable: 'any',
  override: ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }) => {
    const { def } = zodSchema._zod
    if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
    // Answers grow: only what we take is closed.
    if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties
    delete jsonSchema.id
  },
} as const

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

/** A reference where the schema has a name, else the schema. */
function schemaOf(schema: z.ZodType): Json {
  const id = documentation.get(schema)?.id
  if (id !== undefined) return { $ref: refTo(id) }
  const {
    $schema: _,
    $defs: __,
    ...json
  } = z.toJSONSchema(schema, jsonSchemaOptions as never) as Json
  return json
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
  const schema = {
    allOf: [
      { $ref: refTo(documentation.get(problemSchema)?.id ?? '') },
      { properties: { code: { enum: codes } } },
    ],
  }
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: { 'application/problem+json': { schema } },
  }
}

/**
 * Puts a JSON Schema among the components. Its own references point into itself, and have to point
 * to where it is now.
 */
function embed(id: string, given: Json, components: Record<string, Json>): Json {
  const { $schema: _, $defs = {}, ...schema } = given
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) =>
        key === '$ref' && typeof inner === 'string' ? [key, move(inner)] : [key, moved(inner)],
      ),
    )
  }
  const move = (ref: string) =>
    ref === '#' ? refTo(id) : ref.replace(/^#\/\$defs\/(.+)$/, (_, name) => refTo(`${id}.${name}`))
  for (const [name, inner] of Object.entries($defs as Json)) {
    components[`${id}.${name}`] = moved(inner) as Json
  }
  components[id] = moved(schema) as Json
  return { $ref: refTo(id) }
}

function testWebhook(): Record<string, Json> {
  const schema = {
    type: 'object',
    properties: { endpointId: { type: 'string' } },
    required: ['endpointId'],
  }
  return { [testEventName]: webhook(testEventName, schema) }
}

/** What a receiver gets (Standard Webhooks 1.0.0). */
function webhook(name: string, data: Json): Json {
  const header = (headerName: string, description: string) => ({
    name: headerName,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  })
  return {
    post: {
      operationId: `receive.${name}`,
      summary: name,
      parameters: [
        header('webhook-id', 'The same on every attempt: handle each once.'),
        header('webhook-timestamp', 'Seconds since 1970, of the attempt.'),
        header('webhook-signature', 'Signatures over id, timestamp and body, joined by spaces.'),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                type: { const: name },
                timestamp: { type: 'string', format: 'date-time' },
                data,
              },
              required: ['type', 'timestamp', 'data'],
            },
          },
        },
      },
      responses: { '2XX': { description: 'Taken. Anything else is sent again later.' } },
    },
  }
}
