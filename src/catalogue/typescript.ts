/** Writes the data of event types as TypeScript, for receivers that have no registry. */
import { testEventName } from '../core/events/event-name.ts'
import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import { describeEventTypes, type EventTypeDescription } from './event-types.ts'

/** A module of types: `WebhookEvents` for `createReceiver<WebhookEvents>`, and what it consists of. */
export function catalogueTypeScript(registry: EventRegistry, title: string): string {
  const eventTypes = describeEventTypes(registry).filter(({ name }) => name !== testEventName)
  const names = uniqueNames(eventTypes.map(({ name }) => name))
  const members = eventTypes.map(
    ({ name, description }) => `${comment(description, '  ')}  '${name}': ${names.get(name)}\n`,
  )
  return [
    `// ${title.replace(/\s+/g, ' ')}. Written by ainexlayer-webhooks events --format typescript.\n`,
    '/** The data of every event type, by its name: createReceiver<WebhookEvents>({ … }). */\n' +
      `export interface WebhookEvents {\n${members.join('')}}\n`,
    '/** The body of a request. */\n' +
      'export type WebhookBody = {\n' +
      '  [Name in keyof WebhookEvents]: { type: Name; timestamp: string; data: WebhookEvents[Name] }\n' +
      '}[keyof WebhookEvents]\n',
    ...eventTypes.map((eventType) => declarations(eventType, String(names.get(eventType.name)))),
  ].join('\n')
}

/** The type of one schema that refers to nothing outside of itself. */
export function typeText(schema: JsonSchema): string {
  return new Printer(() => 'unknown').print(schema, '')
}

function declarations({ description, dataSchema }: EventTypeDescription, name: string): string {
  const definitions = Object.entries((dataSchema.$defs ?? {}) as Record<string, JsonSchema>)
  const own = uniqueNames(definitions.map(([key]) => `${name}_${key}`))
  const printer = new Printer((reference) => {
    if (reference === '#') return name
    const key = decodeURIComponent(/^#\/\$defs\/(.+)$/.exec(reference)?.[1] ?? '')
    return own.get(`${name}_${key.replaceAll('~1', '/').replaceAll('~0', '~')}`) ?? 'unknown'
  })
  const declare = (as: string, schema: JsonSchema, about: string) =>
    `${comment(about, '')}export type ${as} = ${printer.print(schema, '')}\n`
  return [
    declare(name, dataSchema, description),
    ...definitions.map(([key, schema]) => declare(String(own.get(`${name}_${key}`)), schema, '')),
  ].join('\n')
}

/** Prints the JSON Schema that zod writes. What it does not know is `unknown`: true, if vague. */
class Printer {
  readonly #nameOf: (reference: string) => string

  constructor(nameOf: (reference: string) => string) {
    this.#nameOf = nameOf
  }

  print(schema: JsonSchema | boolean, indent: string): string {
    if (typeof schema === 'boolean') return schema ? 'unknown' : 'never'
    const { $ref, const: constant, enum: values, anyOf, oneOf, allOf, type } = schema
    if (typeof $ref === 'string') return this.#nameOf($ref)
    if (constant !== undefined) return literal(constant)
    if (Array.isArray(values)) return values.map(literal).join(' | ')
    const union = anyOf ?? oneOf
    if (Array.isArray(union)) return this.#joined(union, ' | ', indent)
    if (Array.isArray(allOf)) return this.#joined(allOf, ' & ', indent)
    if (Array.isArray(type)) {
      return type.map((one) => this.print({ ...schema, type: one }, indent)).join(' | ')
    }
    if (type === 'object') return this.#object(schema, indent)
    if (type === 'array') return this.#array(schema, indent)
    return simpleTypes[String(type)] ?? 'unknown'
  }

  #joined(schemas: JsonSchema[], separator: string, indent: string): string {
    const parts = schemas.map((schema) => this.print(schema, indent))
    return [...new Set(parts.map((part) => (/ [|&] /.test(part) ? `(${part})` : part)))].join(
      separator,
    )
  }

  #array({ items, prefixItems }: JsonSchema, indent: string): string {
    const rest = items === undefined ? 'unknown' : this.print(items as JsonSchema, indent)
    if (!Array.isArray(prefixItems)) return `Array<${rest}>`
    const first = prefixItems.map((schema) => this.print(schema, indent))
    return `[${[...first, ...(items === undefined ? [] : [`...Array<${rest}>`])].join(', ')}]`
  }

  #object({ properties = {}, required, additionalProperties }: JsonSchema, indent: string): string {
    const inner = `${indent}  `
    const members = Object.entries(properties as Record<string, JsonSchema>).map(
      ([name, schema]) => {
        const isRequired = Array.isArray(required) && required.includes(name)
        const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
        const about = comment(String(schema.description ?? ''), inner)
        return `${about}${inner}${key}${isRequired ? '' : '?'}: ${this.print(schema, inner)}\n`
      },
    )
    if (typeof additionalProperties === 'object' || additionalProperties === true) {
      // Beside named members an index signature must allow for their types as well.
      const value =
        members.length > 0 || additionalProperties === true
          ? 'unknown'
          : this.print(additionalProperties as JsonSchema, inner)
      members.push(`${inner}[key: string]: ${value}\n`)
    }
    return members.length === 0 ? 'Record<string, unknown>' : `{\n${members.join('')}${indent}}`
  }
}

const simpleTypes: Record<string, string> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
}

function literal(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'unknown' : JSON.stringify(value)
}

function comment(text: string, indent: string): string {
  const line = text.replaceAll('*/', '* /').replace(/\s+/g, ' ').trim()
  return line === '' ? '' : `${indent}/** ${line} */\n`
}

/** `order.paid` becomes `OrderPaid`; what would be the same name gets a number. */
function uniqueNames(names: string[]): Map<string, string> {
  const taken = new Set<string>()
  return new Map(
    names.map((name) => {
      const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
      const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
      const base = /^[A-Za-z]/.test(joined) ? joined : `Event${joined}`
      let own = base
      for (let number = 2; taken.has(own); number++) own = `${base}${number}`
      taken.add(own)
      return [name, own]
    }),
  )
}
