import * as z from 'zod'
import { documentation } from '../schemas/documentation.ts'

/** A piece of the document. */
export type Json = { [key: string]: unknown }

/** A reference to a component. */
export const refTo = (id: string) => `#/components/schemas/${id}`

const options: Parameters<typeof z.toJSONSchema>[1] = {
  metadata: documentation,
  target: 'draft-2020-12',
  io: 'output',
  unrepresentable: 'any',
  override: ({ zodSchema, jsonSchema }) => {
    const { def } = zodSchema._zod
    if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
    // Answers grow: only what we take is closed.
    if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties
    delete jsonSchema.id
  },
}

/** Every schema of ours that has a name. */
export function components(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(documentation, { ...options, uri: refTo })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [
      id,
      schema,
    ]),
  )
}

/** A reference where the schema has a name, else the schema. */
export function schemaOf(schema: z.ZodType): Json {
  const id = documentation.get(schema)?.id
  if (id !== undefined) return { $ref: refTo(id) }
  const { $schema: _, $defs: __, ...json } = z.toJSONSchema(schema, options)
  return json
}

/**
 * A JSON Schema as components: the parts that it names become components of their own, and its
 * references, which point into itself, point to where those are now.
 */
export function asComponents(id: string, schema: Json): Record<string, Json> {
  const { $schema: _, $defs = {}, ...root } = schema
  // Components have fewer characters to choose from (OpenAPI 3.1, section 4.8.7).
  const partId = (name: string) => `${id}.${name.replace(/[^\w.-]/g, '_')}`
  const relocate = (ref: string) =>
    ref === '#' ? refTo(id) : ref.replace(/^#\/\$defs\/(.+)$/, (_ref, name) => refTo(partId(name)))
  const parts = Object.entries($defs as Json).map(([name, part]) => [partId(name), part] as const)
  return Object.fromEntries(
    [[id, root] as const, ...parts].map(([name, part]) => [name, mapRefs(part, relocate) as Json]),
  )
}

function mapRefs(value: unknown, change: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapRefs(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? change(inner) : mapRefs(inner, change),
    ]),
  )
}
