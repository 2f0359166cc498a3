import { testEventName } from '../core/events/event-name.ts'
import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'

/** One valid payload per event type, by its name. */
export type EventExamples = Readonly<Record<string, unknown>>

/** An event type, as a document for receivers tells of it. */
export interface EventTypeDescription {
  name: string
  /** The schema's description; empty if it has none. */
  description: string
  /** JSON Schema, draft 2020-12, of the event's `data`. Its references point into itself. */
  dataSchema: JsonSchema
  /** A valid payload; left out where none was given. */
  example?: unknown
}

/** What `endpoints.test` sends. It is nobody's to declare, and every receiver may get it. */
const testEvent: EventTypeDescription = {
  name: testEventName,
  description: "A test, sent on request of the endpoint's owner. Answer 2xx and do nothing.",
  dataSchema: {
    type: 'object',
    properties: { endpointId: { type: 'string', description: 'The endpoint that is tested.' } },
    required: ['endpointId'],
  },
  example: { endpointId: 'ep_01kb4x0n6z8qv5t2d3c7m9a1rs' },
}

/** Every event type that a receiver may meet: those of the registry, in its order, and the test. */
export function describeEventTypes(
  registry: EventRegistry,
  examples: EventExamples = {},
): EventTypeDescription[] {
  const declared = registry.names.map((name) => {
    const { $schema: _, description, ...dataSchema } = registry.jsonSchema(name)
    return {
      name,
      description: typeof description === 'string' ? description : '',
      dataSchema,
      ...(Object.hasOwn(examples, name) ? { example: examples[name] } : {}),
    }
  })
  return [...declared, testEvent]
}
