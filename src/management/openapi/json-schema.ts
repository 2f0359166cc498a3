import * as z from 'zod'
import { documentation } from '../schemas/documentation.ts'

/** A piece of the document. */
export type Json = { [key: string]: unknown }

/** A reference to a component. */
const refTo = (id: string) => `#/components/schemas/${id}`

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
