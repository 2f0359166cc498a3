import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import { bodySchema, exampleBody, pointerKey } from './body-schema.ts'
import { describeEventTypes, type EventExamples, type EventTypeDescription } from './event-types.ts'
import { signatureHeaders } from './signature-headers.ts'

/**
 * The `webhooks` section of an OpenAPI 3.1 document: one path item per event type, by its name,
 * `webhook.test` last. It needs nothing else of the document: put it in under `webhooks`.
 *
 * @param examples - Valid payloads by event type, shown with its request.
 */
export function openApiWebhooks(
  registry: EventRegistry,
  examples: EventExamples = {},
): Record<string, JsonSchema> {
  const eventTypes = describeEventTypes(registry, examples)
  return Object.fromEntries(eventTypes.map((type) => [type.name, pathItem(type)]))
}

function pathItem(eventType: EventTypeDescription): JsonSchema {
  const { name, description } = eventType
  const place = '/post/requestBody/content/application~1json/schema'
  return {
    post: {
      operationId: name,
      summary: name,
      ...(description === '' ? {} : { description }),
      parameters: signatureHeaders.map(
        ({ name: header, description: meaning, schema, example }) => ({
          name: header,
          in: 'header',
          required: true,
          description: meaning,
          schema,
          example,
        }),
      ),
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: bodySchema(eventType, `#/webhooks/${pointerKey(name)}${place}`),
            ...('example' in eventType ? { example: exampleBody(eventType) } : {}),
          },
        },
      },
      responses: answers,
    },
  }
}

/** What an answer does: `src/core/worker/outcome.ts`. */
const answers = {
  '2XX': { description: 'The delivery has succeeded.' },
  '410': { description: 'The endpoint is switched off, and receives nothing more.' },
  '429': {
    description:
      'A failed attempt. Requests to this endpoint pause for as long as Retry-After asks (so do ' +
      '502, 503 and 504).',
  },
  default: {
    description:
      'A failed attempt, which is repeated with the same webhook-id. Redirects are not followed.',
  },
}
