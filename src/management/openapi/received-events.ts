import { testEventName } from '../../core/event-name.ts'
import type { EventRegistry } from '../../core/registry.ts'
import { asComponents, type Json, refTo } from './json-schema.ts'

/** What receivers get, event type by event type, and the schemas that this needs. */
export function receivedEvents(registry: EventRegistry): {
  webhooks: Record<string, Json>
  schemas: Record<string, Json>
} {
  const webhooks: Record<string, Json> = { [testEventName]: webhook(testEventName, testData) }
  const schemas: Record<string, Json> = {}
  for (const name of registry.names) {
    const id = `event.${name}`
    Object.assign(schemas, asComponents(id, registry.jsonSchema(name)))
    webhooks[name] = webhook(name, { $ref: refTo(id) })
  }
  return { webhooks, schemas }
}

const testData: Json = {
  type: 'object',
  properties: { endpointId: { type: 'string' } },
  required: ['endpointId'],
}

/** One request (Standard Webhooks 1.0.0). */
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
