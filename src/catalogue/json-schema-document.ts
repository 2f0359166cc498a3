import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import { bodySchema } from './body-schema.ts'
import { describeEventTypes } from './event-types.ts'

/** A JSON Schema (draft 2020-12) that every request body of a catalogue fits. */
export function jsonSchemaDocument(registry: EventRegistry, title: string): JsonSchema {
  const eventTypes = describeEventTypes(registry)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    oneOf: eventTypes.map(({ name }) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(
      eventTypes.map((type) => [type.name, bodySchema(type, `#/$defs/${type.name}`)]),
    ),
  }
}
