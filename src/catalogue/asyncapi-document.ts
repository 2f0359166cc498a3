import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import { bodySchema, exampleBody } from './body-schema.ts'
import { describeEventTypes, type EventExamples, type EventTypeDescription } from './event-types.ts'
import { type CatalogueInfo, catalogueIntroduction } from './openapi-document.ts'
import { signatureHeaders } from './signature-headers.ts'

/** An AsyncAPI 3.0 document of a catalogue, as its sender sees it. */
export function asyncApiDocument(
  registry: EventRegistry,
  info: CatalogueInfo,
  examples?: EventExamples,
): JsonSchema {
  const eventTypes = describeEventTypes(registry, examples)
  const references = (place: string) =>
    eventTypes.map(({ name }) => [name, { $ref: `#/${place}/${name}` }] as const)
  return {
    asyncapi: '3.0.0',
    info: { ...info, description: catalogueIntroduction },
    defaultContentType: 'application/json',
    channels: {
      endpoint: {
        description: 'The URL of an endpoint: a receiver chooses it, and which events it gets.',
        messages: Object.fromEntries(references('components/messages')),
      },
    },
    operations: {
      sendEvent: {
        action: 'send',
        channel: { $ref: '#/channels/endpoint' },
        messages: references('channels/endpoint/messages').map(([, reference]) => reference),
      },
    },
    components: {
      messages: Object.fromEntries(eventTypes.map((type) => [type.name, messageOf(type)])),
    },
  }
}

function messageOf(eventType: EventTypeDescription): JsonSchema {
  const { name, description } = eventType
  return {
    name,
    title: name,
    ...(description === '' ? {} : { summary: description }),
    headers: {
      type: 'object',
      properties: Object.fromEntries(
        signatureHeaders.map(({ name: header, description: meaning, schema }) => [
          header,
          { ...schema, description: meaning },
        ]),
      ),
      required: signatureHeaders.map(({ name: header }) => header),
    },
    payload: bodySchema(eventType, `#/components/messages/${name}/payload`),
    ...('example' in eventType ? { examples: [{ payload: exampleBody(eventType) }] } : {}),
  }
}
