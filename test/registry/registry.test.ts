import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import * as mini from 'zod/mini'
import * as z3 from 'zod/v3'
import { isEventName } from '../../src/core/events/event-name.ts'
import type { EventDefinitions } from '../../src/core/events/registry.ts'
import { defineEvents } from '../../src/core/events/registry.ts'
import { isWebhooksError, type WebhooksError, type WebhooksErrorCode } from '../../src/errors.ts'
import { nearestName } from '../../src/nearest-name.ts'

const registry = defineEvents({
  'order.paid': z.object({
    orderId: z.string().describe('Id of the order.'),
    amount: z.number().positive(),
    currency: z.string().default('EUR'),
    lines: z.array(z.object({ sku: z.string(), quantity: z.int() })).default([]),
  }),
  'order.refunded': z.object({ orderId: z.string() }),
})
const paid = { orderId: 'o1', amount: 12.5 }

function refusal(code: WebhooksErrorCode, work: () => unknown): WebhooksError {
  try {
    work()
  } catch (error) {
    if (isWebhooksError(error, code)) return error
    throw error
  }
  throw new Error(`nothing was refused as ${code}`)
}

/** As a host without types would call it. */
function define(definitions: unknown) {
  return defineEvents(definitions as EventDefinitions)
}

describe('defineEvents', () => {
  it('knows its names, in order, and no others', () => {
    expect(registry.names).toEqual(['order.paid', 'order.refunded'])
    expect(registry.has('order.paid')).toBe(true)
    for (const name of ['order', 'order.*', '*', 'Order.paid', '', 'constructor', '__proto__']) {
      expect(registry.has(name)).toBe(false)
    }
  })

  it('cannot be changed afterwards', () => {
    const definitions = { 'order.paid': z.string() as z.ZodType }
    const { names, schemas, parse } = defineEvents(definitions)
    definitions['order.paid'] = z.number()
    expect(parse('order.paid', 'text')).toBe('text')
    expect(() => (names as string[]).push('order.lost')).toThrow(TypeError)
    expect(() => Object.assign(schemas, { 'order.paid': z.number() })).toThrow(TypeError)
  })

  it('takes names that consist of letters, digits and underscores joined by dots', () => {
    for (const name of ['a', 'order_paid', 'A.b.C', '1.2', 'a.b.c.d.e', '_', 'a'.repeat(128)]) {
      expect(define({ [name]: z.string() }).names).toEqual([name])
    }
  })

  it.each([
    ['an empty name', ''],
    ['a hyphen', 'order-paid'],
    ['a space', 'order paid'],
    ['a line end', 'order.paid\n'],
    ['an empty group', 'order..paid'],
    ['a dot at the start', '.order'],
    ['a dot at the end', 'order.'],
    ['a star', 'order.*'],
    ['a letter beyond ASCII', 'bestellung.geprüft'],
    ['excess length', 'a'.repeat(129)],
    ['a million characters', 'a.'.repeat(500_000)],
  ])('refuses %s in a name', (_, name) => {
    const error = refusal('invalid_event_name', () => define({ [name]: z.string() }))
    expect(error.message).toContain('such as "order.paid"')
    expect(error.message.length).toBeLessThan(400)
    expect(isEventName(name)).toBe(false)
  })

  it("keeps the library's own name for itself", () => {
    const error = refusal('invalid_event_name', () => define({ 'webhook.test': z.string() }))
    expect(error.message).toContain('reserved')
  })

  it.each([
    ['a text', 'string'],
    ['nothing', undefined],
    ['a plain object', { orderId: 'string' }],
    ['a JSON Schema', { type: 'object', properties: {} }],
    ['a class', z.ZodString],
    ['a schema of zod 3', z3.z.object({})],
  ])('refuses %s in place of a schema', (_, schema) => {
    const error = refusal('invalid_event_schema', () => define({ 'order.paid': schema }))
    expect(error.message).toMatch(/"order\.paid" is not a zod schema.*zod 4/)
  })

  it('refuses what is no object', () => {
    for (const value of [undefined, null, 'order.paid']) {
      refusal('invalid_event_schema', () => define(value))
    }
  })

  it('takes schemas of zod/mini', () => {
    const small = defineEvents({ 'order.paid': mini.object({ orderId: mini.string() }) })
    expect(small.parse('order.paid', { orderId: 'o1' })).toEqual({ orderId: 'o1' })
    expect(small.jsonSchema('order.paid')).toMatchObject({ required: ['orderId'] })
    refusal('invalid_payload', () => small.parse('order.paid', {}))
  })

  it('extends a catalogue by its schemas', () => {
    const more = defineEvents({ ...registry.schemas, 'order.lost': z.object({ why: z.string() }) })
    expect(more.names).toEqual(['order.paid', 'order.refunded', 'order.lost'])
    expect(more.parse('order.refunded', { orderId: 'o1' })).toEqual({ orderId: 'o1' })
  })
})

describe('parse', () => {
  it('returns what is sent: defaults filled in, unknown keys left out', () => {
    const given = { ...paid, internalNote: 'not for receivers' }
    expect(registry.parse('order.paid', given)).toEqual({ ...paid, currency: 'EUR', lines: [] })
    expect(given).toEqual({ ...paid, internalNote: 'not for receivers' })
  })

  it('leaves unknown keys to the schema', () => {
    const kinds = defineEvents({ loose: z.looseObject({}), strict: z.strictObject({}) })
    expect(kinds.parse('loose', { a: 1 })).toEqual({ a: 1 })
    refusal('invalid_payload', () => kinds.parse('strict', { a: 1 }))
  })

  it("refuses wrong data with all of zod's findings and where they are", () => {
    const wrong = {
      amount: -1,
      lines: [
        { sku: 'a', quantity: 1 },
        { sku: 'b', quantity: 1.5 },
      ],
    }
    const error = refusal('invalid_payload', () => registry.parse('order.paid', wrong))
    expect(error.issues.map(({ path }) => path)).toEqual([
      ['orderId'],
      ['amount'],
      ['lines', 1, 'quantity'],
    ])
    for (const { message } of error.issues) expect(message).not.toBe('')
    expect(error.message).toContain('"order.paid"')
    expect(error.message).toContain('orderId: Invalid input: expected string, received undefined')
    expect(error.message).toContain('lines[1].quantity')
  })

  it.each([undefined, null, 'text', 1, [], Symbol('s'), 10n])('refuses %o as a whole', (data) => {
    const error = refusal('invalid_payload', () => registry.parse('order.paid', data))
    expect(error.issues).toHaveLength(1)
    expect(error.issues[0]?.path).toEqual([])
  })

  it('looks into unions, records and maps for what is really wrong', () => {
    const nested = defineEvents({
      union: z.object({
        by: z.union([
          z.object({ userId: z.string(), name: z.string() }),
          z.object({ key: z.string() }),
        ]),
      }),
      record: z.record(z.string().max(3), z.number()),
      map: z.map(z.string(), z.object({ a: z.number() })),
    })
    const places = (name: 'union' | 'record' | 'map', data: unknown) =>
      refusal('invalid_payload', () => nested.parse(name, data)).issues.map(({ path }) => path)
    expect(places('union', { by: { userId: 'u1' } })).toEqual([['by', 'name']])
    expect(places('union', { by: { key: 1 } })).toEqual([['by', 'key']])
    expect(places('union', {})).toEqual([['by']])
    expect(places('record', { toolong: 1 })).toEqual([['toolong']])
    expect(places('map', new Map([['k', { a: 'x' }]]))).toEqual([['k', 'a']])
  })

  it('bounds the findings it reports', () => {
    const lines = Array.from({ length: 100_000 }, () => ({}))
    const error = refusal('invalid_payload', () => registry.parse('order.paid', { ...paid, lines }))
    expect(error.issues).toHaveLength(100)
    expect(error.message.length).toBeLessThan(500)
  })

  it('never puts the data itself into an error', () => {
    const data = { orderId: { password: 'hunter2' }, amount: 'hunter2', currency: ['hunter2'] }
    const error = refusal('invalid_payload', () => registry.parse('order.paid', data))
    expect(JSON.stringify([error.message, error.issues])).not.toContain('hunter2')
  })

  it('refuses an asynchronous schema and says so', () => {
    const slow = defineEvents({ slow: z.string().refine(async () => true) })
    const error = refusal('invalid_event_schema', () => slow.parse('slow', 'x'))
    expect(error.message).toContain('asynchronous')
  })

  it('refuses data on which the schema itself breaks', () => {
    const broken = defineEvents({
      broken: z.string().refine(() => {
        throw new TypeError('bug of the host')
      }),
    })
    const error = refusal('invalid_payload', () => broken.parse('broken', 'x'))
    expect(error.cause).toMatchObject({ message: 'bug of the host' })
  })

  it('refuses data that is nested deeper than the stack', () => {
    const tree = z.object({
      get children() {
        return z.array(tree)
      },
    })
    const trees = defineEvents({ tree })
    const nested = (depth: number) => {
      let data: { children: unknown[] } = { children: [] }
      for (let level = 0; level < depth; level++) data = { children: [data] }
      return data
    }
    expect(trees.parse('tree', nested(10))).toEqual(nested(10))
    expect(
      refusal('invalid_payload', () => trees.parse('tree', nested(100_000))).message,
    ).toContain('nested too deep')
  })
})

describe('an unknown name', () => {
  const unknown = (name: unknown) =>
    refusal('unknown_event', () => registry.parse(name as string, {})).message

  it.each([
    ['order.payed', 'order.paid'],
    ['order.Paid', 'order.paid'],
    ['ORDER.PAID', 'order.paid'],
    ['order_paid', 'order.paid'],
    ['orders.refunded', 'order.refunded'],
    ['order.refund', 'order.refunded'],
  ])('%s is answered with %s', (name, nearest) => {
    expect(unknown(name)).toContain(`Did you mean "${nearest}"?`)
  })

  it.each(['user.login', 'x', '', 'constructor', '__proto__', 'webhook.test'])(
    '%j is answered without a guess',
    (name) => {
      expect(unknown(name)).not.toContain('Did you mean')
      expect(unknown(name)).toContain('defineEvents')
    },
  )

  it('is refused in bounded words, whatever it is', () => {
    for (const name of ['order.'.repeat(200_000), 7, undefined, null, {}, 'a\nb\u0000']) {
      expect(unknown(name).length).toBeLessThan(300)
      expect(unknown(name)).not.toContain('\n')
    }
  })

  it('is refused by jsonSchema as well', () => {
    refusal('unknown_event', () => registry.jsonSchema('order.lost'))
  })

  it('finds the nearest of several, and none where nothing is near', () => {
    expect(nearestName('document.proccessed', ['document.updated', 'document.processed'])).toBe(
      'document.processed',
    )
    expect(nearestName('a', [])).toBeUndefined()
    // Too long to be a slip of the pen, and to be worth its square in steps
    expect(nearestName('a'.repeat(129), ['a'.repeat(128)])).toBeUndefined()
    expect(nearestName('order', ['invoice.created'])).toBeUndefined()
  })
})

describe('jsonSchema', () => {
  it('describes what is sent: what has a default is always there', () => {
    expect(registry.jsonSchema('order.paid')).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['orderId', 'amount', 'currency', 'lines'],
      properties: {
        orderId: { type: 'string', description: 'Id of the order.' },
        amount: { type: 'number', exclusiveMinimum: 0 },
        currency: { type: 'string', default: 'EUR' },
      },
    })
    expect(Object.keys(registry.jsonSchemas())).toEqual(registry.names)
  })

  it('is open for fields to come, at every depth, unless the schema is strict', () => {
    const { jsonSchema } = defineEvents({
      open: z.object({ inner: z.array(z.object({ a: z.string() })) }),
      strict: z.object({ inner: z.strictObject({ a: z.string() }) }),
      typed: z.object({}).catchall(z.number()),
    })
    expect(JSON.stringify(jsonSchema('open'))).not.toContain('additionalProperties')
    expect(jsonSchema('strict')).toMatchObject({
      properties: { inner: { additionalProperties: false } },
    })
    expect(jsonSchema('typed')).toMatchObject({ additionalProperties: { type: 'number' } })
  })

  it('describes the JSON of what has no JSON type of its own', () => {
    const { jsonSchema } = defineEvents({
      odd: z.object({ at: z.date(), size: z.string().transform((text) => text.length) }),
    })
    expect(jsonSchema('odd')).toMatchObject({
      properties: { at: { type: 'string', format: 'date-time' }, size: {} },
    })
  })

  it('hands out copies', () => {
    registry.jsonSchema('order.paid').type = 'changed'
    expect(registry.jsonSchema('order.paid').type).toBe('object')
  })
})
