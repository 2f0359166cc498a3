import * as z from 'zod'

/** What the OpenAPI document says about a schema beside what the schema itself says. */
interface Documentation {
  /** Name among the document's components. */
  id?: string | undefined
  description?: string | undefined
  /** Takes the place of what the schema would become. */
  $ref?: string | undefined
  default?: unknown
  [key: string]: unknown
}

/** Of our own, so that nothing of it shows up among the host's schemas, nor gets in their way. */
export const documentation = z.registry<Documentation>()

/** A schema that stands under a name of its own in the document. */
export function component<Schema extends z.ZodType>(
  id: string,
  description: string,
  schema: Schema,
): Schema {
  documentation.add(schema, { id, description })
  return schema
}

/** A schema and what it is about. */
export function about<Schema extends z.ZodType>(description: string, schema: Schema): Schema {
  documentation.add(schema, { description })
  return schema
}
