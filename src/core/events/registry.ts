import * as z from 'zod/v4/core'
import { WebhooksError } from '../../errors.ts'
import { nearestName } from '../../nearest-name.ts'
import { describeIssues, quote } from '../issues.ts'
import { toIssues } from '../zod-issues.ts'
import { type InvalidEventName, validateEventName } from './event-name.ts'

/** Event types by name, each with the zod schema of its data. */
export type EventDefinitions = Readonly<Record<string, z.$ZodType>>

/** A JSON Schema document, draft 2020-12. */
export type JsonSchema = { [keyword: string]: unknown }

/**
 * The event types that can be emitted. Made by {@link defineEvents}.
 *
 * @typeParam Definitions - The schemas by name. Left out: any registry.
 * @typeParam Names - Follows from the definitions. A parameter of its own because with a `keyof`
 * in its place TypeScript would refuse a registry of known names where any registry is accepted.
 */
export interface EventRegistry<
  Definitions extends EventDefinitions = EventDefinitions,
  Names extends string = keyof Definitions & string,
> {
  /** All names, in the order of definition. */
  readonly names: readonly Names[]
  /**
   * The zod schemas by name, as they were given. To add event types to a catalogue:
   * `defineEvents({ ...ainexlayerEvents.schemas, 'order.paid': orderPaid })`.
   */
  readonly schemas: Definitions
  has(name: string): name is Names
  /**
   * Checks an event's data and returns what is sent: the schema's output, with its defaults
   * filled in and, unless the schema keeps them, unknown keys left out.
   *
   * @throws WebhooksError `unknown_event`, `invalid_payload` with zod's findings in `issues`, or
   * `invalid_event_schema` if the schema is asynchronous.
   */
  parse<Name extends Names>(name: Name, data: unknown): z.output<Definitions[Name]>
  parse(name: string, data: unknown): unknown
  /**
   * The JSON Schema of what is sent under a name, for documentation and for receivers.
   *
   * Describes the JSON, not the JavaScript: a `Date` is a text in `date-time` format. Objects
   * are open, although unknown keys are not sent today, so that a receiver who validates does not
   * refuse fields that a later version adds; only `z.strictObject` is closed. Where zod cannot
   * tell what a part turns into (a transform), anything is allowed.
   *
   * @throws WebhooksError `unknown_event`
   */
  jsonSchema(name: string): JsonSchema
  /** The JSON Schemas of all event types by name. */
  jsonSchemas(): Record<Names, JsonSchema>
}

/** Names of a registry's event types. */
export type EventName<Registry extends EventRegistry> = keyof Registry['schemas'] & string

/** What `emit` takes for an event type: its schema's input, in which defaults may be left out. */
export type EventData<Registry extends EventRegistry, Name extends EventName<Registry>> = z.input<
  Registry['schemas'][Name]
>

/** What receivers get in `data` for an event type: its schema's output. */
export type SentEventData<
  Registry extends EventRegistry,
  Name extends EventName<Registry>,
> = z.output<Registry['schemas'][Name]>

/** Turns a name that breaks the rule into a compile error that says so. */
type CheckedNames<Definitions> = {
  [Name in keyof Definitions]: Name extends InvalidEventName
    ? 'An event name is groups of letters, digits and underscores joined by dots'
    : Definitions[Name]
}

/**
 * Declares event types: a name for each, and the zod (4 or later) schema of its data.
 *
 * @example
 * const events = defineEvents({
 *   'order.paid': z.object({ orderId: z.string(), amount: z.number() }),
 * })
 *
 * @throws WebhooksError `invalid_event_name` or `invalid_event_schema`
 */
export function defineEvents<Definitions extends EventDefinitions>(
  definitions: Definitions & CheckedNames<Definitions>,
): EventRegistry<Definitions> {
  if (typeof definitions !== 'object' || definitions === null) {
    throw new WebhooksError(
      'invalid_event_schema',
      "defineEvents takes an object of zod schemas by event name: { 'order.paid': z.object({ … }) }.",
    )
  }
  const schemas = new Map<string, z.$ZodType>()
  for (const [name, schema] of Object.entries(definitions)) {
    schemas.set(validateEventName(name), validateSchema(name, schema))
  }
  const names = Object.freeze([...schemas.keys()]) as EventRegistry<Definitions>['names']

  function schemaOf(name: string): z.$ZodType {
    const schema = schemas.get(name)
    if (schema === undefined) throw unknownEvent(name, names)
    return schema
  }

  return Object.freeze({
    names,
    schemas: Object.freeze({ ...definitions }) as Definitions,
    has: (name: string): name is keyof Definitions & string => schemas.has(name),
    parse: (name: string, data: unknown) => parseData(name, schemaOf(name), data),
    jsonSchema: (name: string) => toJsonSchema(schemaOf(name)),
    jsonSchemas: () =>
      Object.fromEntries(names.map((name) => [name, toJsonSchema(schemaOf(name))])) as Record<
        keyof Definitions & string,
        JsonSchema
      >,
  }) as EventRegistry<Definitions>
}

function validateSchema(name: string, schema: unknown): z.$ZodType {
  // Not `instanceof`: a host may load zod in two builds, and zod/mini has classes of its own.
  // zod 3 has no `_zod`.
  if (typeof schema === 'object' && schema !== null && '_zod' in schema) return schema as z.$ZodType
  throw new WebhooksError(
    'invalid_event_schema',
    `The value of event type ${quote(name)} is not a zod schema. Give it one made by zod 4 or ` +
      'later, such as z.object({ … }).',
  )
}

function unknownEvent(name: unknown, names: readonly string[]): WebhooksError {
  const nearest = nearestName(String(name), names)
  const wayOut =
    nearest === undefined
      ? 'Declare it in defineEvents.'
      : `Did you mean "${nearest}"? If not, declare it in defineEvents.`
  return new WebhooksError('unknown_event', `There is no event type ${quote(name)}. ${wayOut}`)
}

function parseData(name: string, schema: z.$ZodType, data: unknown): unknown {
  const result = judge(name, schema, data)
  if (result.success) return result.data
  const issues = toIssues(result.error.issues)
  throw new WebhooksError(
    'invalid_payload',
    `The data does not fit the schema of "${name}": ${describeIssues(issues)}.`,
    { issues },
  )
}

function judge(name: string, schema: z.$ZodType, data: unknown) {
  try {
    return z.safeParse(schema, data)
  } catch (cause) {
    if (cause instanceof z.$ZodAsyncError) {
      throw new WebhooksError(
        'invalid_event_schema',
        `The schema of "${name}" is asynchronous. Remove its async refinements and transforms, ` +
          'and do that work before emitting.',
        { cause },
      )
    }
    throw new WebhooksError(
      'invalid_payload',
      `The schema of "${name}" could not judge the data: a refinement or transform of it threw, ` +
        'or the data is nested too deep. The error is in `cause`.',
      { cause },
    )
  }
}

function toJsonSchema(schema: z.$ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'output',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = (zodSchema as z.$ZodTypes)._zod
      if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
      if (def.type === 'object' && def.catchall === undefined)
        delete jsonSchema.additionalProperties
    },
  }) as JsonSchema
}
