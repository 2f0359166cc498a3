import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import { describeEventTypes, type EventExamples, type EventTypeDescription } from './event-types.ts'
import { type CatalogueInfo, catalogueIntroduction } from './openapi-document.ts'
import { typeText } from './typescript.ts'

/** A page for receivers: what there is, what its data holds, and an example of each. */
export function catalogueMarkdown(
  registry: EventRegistry,
  { title }: CatalogueInfo,
  examples?: EventExamples,
): string {
  const eventTypes = describeEventTypes(registry, examples)
  const rows = eventTypes.map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`)
  return [
    `# ${title}`,
    catalogueIntroduction,
    ['| event type | meaning |', '|---|---|', ...rows].join('\n'),
    ...eventTypes.map(section),
    '',
  ].join('\n\n')
}

function section(eventType: EventTypeDescription): string {
  const { name, description, dataSchema } = eventType
  const rows = fieldRows(dataSchema, '')
  const parts = [`## ${name}`, description]
  if (rows.length > 0) {
    parts.push(['| field of `data` | type | meaning |', '|---|---|---|', ...rows].join('\n'))
  }
  if ('example' in eventType) {
    parts.push(`\`\`\`json\n${JSON.stringify(eventType.example, null, 2)}\n\`\`\``)
  }
  return parts.filter((part) => part !== '').join('\n\n')
}

/** A row per field, those of objects and lists included: `user.name`, `citations[].page`. */
function fieldRows(schema: JsonSchema, path: string): string[] {
  const { properties, required, items } = schema
  if (isSchema(items)) return fieldRows(items, `${path}[]`)
  // What may be null is described like what it is otherwise.
  if (Array.isArray(schema.anyOf)) return schema.anyOf.flatMap((part) => fieldRows(part, path))
  if (!isSchema(properties)) return []
  return Object.entries(properties as Record<string, JsonSchema>).flatMap(([name, field]) => {
    const own = path === '' ? name : `${path}.${name}`
    const optional = Array.isArray(required) && required.includes(name) ? '' : ', optional'
    const meaning = cell(String(field.description ?? ''))
    return [
      `| \`${own}\` | ${cell(shortType(field))}${optional} | ${meaning} |`,
      ...fieldRows(field, own),
    ]
  })
}

function shortType(schema: JsonSchema): string {
  const { type, items, anyOf } = schema
  if (Array.isArray(anyOf)) return anyOf.map(shortType).join(' or ')
  if (type === 'object') return 'object'
  if (type === 'array') return isSchema(items) ? `list of ${shortType(items)}` : 'list'
  const format = typeof schema.format === 'string' ? ` (${schema.format})` : ''
  return `\`${typeText(schema)}\`${format}`
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A bar or a line break would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
}
