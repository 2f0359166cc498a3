import type { JsonSchema } from '../core/events/registry.ts'
import type { EventTypeDescription } from './event-types.ts'

/**
 * The JSON Schema of a whole request body, to stand inside a larger document.
 *
 * @param pointer - Where in the document it will stand, such as `#/$defs/order.paid`.
 */
export function bodySchema(
  { name, description, dataSchema }: EventTypeDescription,
  pointer: string,
): JsonSchema {
  return {
    type: 'object',
    ...(description === '' ? {} : { description }),
    properties: {
      type: { type: 'string', const: name },
      timestamp: {
        type: 'string',
        format: 'date-time',
        description: 'When the event happened. The same on every attempt.',
      },
      data: moveTo(`${pointer}/properties/data`, dataSchema),
    },
    required: ['type', 'timestamp', 'data'],
  }
}

/** A body as it is sent; the instant is an example too. */
export function exampleBody({ name, example }: EventTypeDescription): JsonSchema {
  return { type: name, timestamp: '2026-11-23T20:15:04.120Z', data: example }
}

/** A key as a part of a JSON pointer in a URI fragment (RFC 6901). */
export function pointerKey(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** A schema whose references into itself (`#`, `#/$defs/…`) hold where it is moved to. */
function moveTo(pointer: string, schema: JsonSchema): JsonSchema {
  return moved(schema) as JsonSchema

  function moved(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(moved)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) =>
        key === '$ref' && typeof part === 'string' && part.startsWith('#')
          ? [key, `${pointer}${part.slice(1)}`]
          : [key, moved(part)],
      ),
    )
  }
}
