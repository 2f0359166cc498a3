import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import type { JsonSchema } from '../../src/core/events/registry.ts'
import { matchesFilter } from '../../src/core/matching/filter.ts'
import { isWebhooksError } from '../../src/errors.ts'

const allNames = [
  'document.uploaded',
  'document.processed',
  'document.failed',
  'document.deleted',
  'document.updated',
  'chat.message',
  'chat.conversation.started',
  'chat.conversation.ended',
  'chat.response.generated',
  'workspace.created',
  'workspace.updated',
  'workspace.deleted',
  'workspace.user.added',
  'workspace.user.removed',
  'user.created',
  'user.updated',
  'user.deleted',
  'user.login',
  'user.logout',
]

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Place = (string | number)[]

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Every subschema that describes a property, with its path. */
function* propertiesOf(schema: unknown, path: string): Generator<[string, JsonSchema]> {
  if (Array.isArray(schema)) {
    for (const part of schema) yield* propertiesOf(part, path)
  } else if (isObject(schema)) {
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === 'properties' && isObject(value)) {
        for (const [name, property] of Object.entries(value)) {
          if (!isObject(property)) throw new Error(`no schema at ${path}.${name}`)
          yield [`${path}.${name}`, property]
          yield* propertiesOf(property, `${path}.${name}`)
        }
      } else yield* propertiesOf(value, path)
    }
  }
}

/** Every place in a JSON value, the value itself first. */
function* placesIn(value: unknown, path: Place = []): Generator<Place> {
  yield path
  if (Array.isArray(value)) {
    for (const [index, element] of value.entries()) yield* placesIn(element, [...path, index])
  } else if (isObject(value)) {
    for (const [key, element] of Object.entries(value)) yield* placesIn(element, [...path, key])
  }
}

/** A copy of a JSON value with one place replaced, or removed by `undefined`. */
function replaced(value: unknown, [key, ...rest]: Place, by: Json | undefined): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) {
    return value.map((element, index) => (index === key ? replaced(element, rest, by) : element))
  }
  const copy = { ...(value as Record<string, unknown>) }
  const next = replaced(copy[key], rest, by)
  if (next === undefined) delete copy[key]
  else copy[key] = next
  return copy
}

describe('the catalogue', () => {
  it('has the nineteen event types and an example of each', () => {
    expect([...ainexlayerEvents.names].sort()).toEqual([...allNames].sort())
    expect(Object.keys(ainexlayerExamples).sort()).toEqual([...allNames].sort())
  })
})

describe.each(ainexlayerEvents.names)('%s', (name) => {
  const example = ainexlayerExamples[name]
  const jsonSchema = ainexlayerEvents.jsonSchema(name)
  const asJsonSchema = z.fromJSONSchema(jsonSchema)

  it('sends its example as it stands: valid, complete, and the same after JSON', () => {
    expect(ainexlayerEvents.parse(name, example)).toEqual(example)
    expect(JSON.parse(JSON.stringify(example))).toEqual(example)
  })

  it('describes itself and every property at every depth', () => {
    expect(jsonSchema.description).toMatch(/^[A-Z].{10,}\.$/)
    const properties = [...propertiesOf(jsonSchema, name)]
    expect(properties.length).toBeGreaterThan(8)
    const undescribed = properties.filter(
      ([, schema]) => !/^[A-Z].+\.$/.test(`${schema.description}`),
    )
    expect(undescribed.map(([path]) => path)).toEqual([])
  })

  it('publishes a JSON Schema that its example fits', () => {
    expect(jsonSchema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(asJsonSchema.safeParse(example).error?.issues).toBeUndefined()
  })

  it('publishes a JSON Schema that agrees with the registry on every damaged example', () => {
    const disagreements: string[] = []
    let refusals = 0
    for (const place of placesIn(example)) {
      for (const damage of [undefined, null, 'x', '', -1, 0.5, true, [], {}]) {
        const damaged = replaced(example, place, damage)
        if (damaged === undefined) continue
        const accepted = accepts(name, damaged)
        if (!accepted) refusals += 1
        // What the registry sends must fit what is published, and what it refuses must not:
        // receivers who validate would otherwise see something else than we promise.
        const published = asJsonSchema.safeParse(accepted ? sent(name, damaged) : damaged).success
        if (accepted !== published) {
          disagreements.push(`${place.join('.')} = ${JSON.stringify(damage)}: sent ${accepted}`)
        }
      }
    }
    expect(disagreements).toEqual([])
    expect(refusals).toBeGreaterThan(20)
  })

  it('leaves out what nobody declared, and lets receivers expect more later', () => {
    const withMore = { ...example, passwordHash: 'secret' }
    expect(ainexlayerEvents.parse(name, withMore)).toEqual(example)
    expect(asJsonSchema.safeParse(withMore).success).toBe(true)
  })

  it('takes instants in UTC only', () => {
    const [place] = [...placesIn(example)].filter(([key]) => `${key}`.endsWith('At'))
    if (place === undefined) throw new Error('an event without an instant')
    expect(accepts(name, replaced(example, place, '2026-11-23T09:14:02Z'))).toBe(true)
    for (const instant of ['2026-11-23T09:14:02+01:00', '2026-11-23', '2026-13-01T00:00:00Z']) {
      expect(accepts(name, replaced(example, place, instant))).toBe(false)
    }
  })
})

describe('what may be left out', () => {
  it('is sent as null or as an empty list', () => {
    const { embedding, warnings, ...rest } = ainexlayerExamples['document.processed']
    expect(embedding).not.toBeNull()
    expect(warnings).not.toEqual([])
    expect(ainexlayerEvents.parse('document.processed', rest)).toEqual({
      ...rest,
      embedding: null,
      warnings: [],
    })
  })

  it('gives each event a list of its own', () => {
    const { toolsUsed, ...rest } = ainexlayerExamples['chat.response.generated']
    const first = ainexlayerEvents.parse('chat.response.generated', rest)
    first.toolsUsed.push('search')
    expect(ainexlayerEvents.parse('chat.response.generated', rest).toolsUsed).toEqual(toolsUsed)
  })
})

describe('changes', () => {
  const updated = ['document.updated', 'workspace.updated', 'user.updated'] as const

  it.each(updated)('%s names at least one', (name) => {
    expect(accepts(name, { ...ainexlayerExamples[name], changes: {} })).toBe(false)
  })

  it('can be asked for by a payload filter', () => {
    const data = ainexlayerExamples['user.updated']
    expect(matchesFilter({ path: 'changes.role.current', equals: 'manager' }, data)).toBe(true)
    expect(matchesFilter({ path: 'changes.email', exists: true }, data)).toBe(false)
  })
})

function accepts(name: string, data: unknown): boolean {
  try {
    ainexlayerEvents.parse(name, data)
    return true
  } catch (error) {
    if (isWebhooksError(error, 'invalid_payload')) return false
    throw error
  }
}

function sent(name: string, data: unknown): unknown {
  return JSON.parse(JSON.stringify(ainexlayerEvents.parse(name, data)))
}
