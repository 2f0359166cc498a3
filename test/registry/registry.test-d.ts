import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import type {
  EventData,
  EventName,
  EventRegistry,
  JsonSchema,
  SentEventData,
} from '../../src/core/events/registry.ts'
import { defineEvents } from '../../src/core/events/registry.ts'

const registry = defineEvents({
  'order.paid': z.object({ orderId: z.string(), currency: z.string().default('EUR') }),
  'order.shipped': z.object({ at: z.string() }),
})
type Registry = typeof registry

declare function emit<Name extends EventName<Registry>>(
  name: Name,
  data: EventData<Registry, Name>,
): void

/** What an engine takes that knows nothing of the names. */
declare function acceptAny(registry: EventRegistry): void
declare function acceptTyped<R extends EventRegistry>(
  registry: R,
): { emit<Name extends EventName<R>>(name: Name, data: EventData<R, Name>): void }

describe('types of a registry', () => {
  it('knows the names', () => {
    expectTypeOf<EventName<Registry>>().toEqualTypeOf<'order.paid' | 'order.shipped'>()
    expectTypeOf(registry.names).toEqualTypeOf<readonly ('order.paid' | 'order.shipped')[]>()
  })

  it('takes the input of a schema and sends its output', () => {
    expectTypeOf<EventData<Registry, 'order.paid'>>().toEqualTypeOf<{
      orderId: string
      currency?: string | undefined
    }>()
    expectTypeOf<SentEventData<Registry, 'order.paid'>>().toEqualTypeOf<{
      orderId: string
      currency: string
    }>()
    expectTypeOf(registry.parse('order.shipped', {})).toEqualTypeOf<{ at: string }>()
    expectTypeOf(registry.parse('whatever' as string, {})).toEqualTypeOf<unknown>()
  })

  it('lets a wrong name or shape not compile', () => {
    emit('order.paid', { orderId: 'o1' })
    // @ts-expect-error no such name
    emit('order.payd', { orderId: 'o1' })
    // @ts-expect-error a field is missing
    emit('order.paid', {})
    // @ts-expect-error a field of another type
    emit('order.paid', { orderId: 1 })
    // @ts-expect-error a field that the schema does not know
    emit('order.paid', { orderId: 'o1', order: 1 })
    // @ts-expect-error the data of another event type
    emit('order.shipped', { orderId: 'o1' })
  })

  it('is still typed behind a function that takes any registry', () => {
    acceptAny(registry)
    const engine = acceptTyped(registry)
    engine.emit('order.shipped', { at: 'now' })
    // @ts-expect-error the data of another event type
    engine.emit('order.shipped', { orderId: 'o1' })
    // @ts-expect-error no such name
    engine.emit('order', {})
  })

  it('narrows a name that it has', () => {
    const name = 'order.paid' as string
    if (registry.has(name)) expectTypeOf(name).toEqualTypeOf<'order.paid' | 'order.shipped'>()
  })

  it('gives JSON Schemas by name', () => {
    expectTypeOf(registry.jsonSchemas()).toEqualTypeOf<
      Record<'order.paid' | 'order.shipped', JsonSchema>
    >()
  })

  it('extends a catalogue with the types kept', () => {
    const more = defineEvents({ ...registry.schemas, 'order.lost': z.object({ why: z.string() }) })
    expectTypeOf<EventName<typeof more>>().toEqualTypeOf<
      'order.paid' | 'order.shipped' | 'order.lost'
    >()
    expectTypeOf<EventData<typeof more, 'order.lost'>>().toEqualTypeOf<{ why: string }>()
  })
})

describe('names that do not compile', () => {
  it('refuses what a type can tell', () => {
    // @ts-expect-error a hyphen
    defineEvents({ 'order-paid': z.string() })
    // @ts-expect-error an empty group
    defineEvents({ 'order..paid': z.string() })
    // @ts-expect-error a dot at the end
    defineEvents({ 'order.': z.string() })
    // @ts-expect-error a dot at the start
    defineEvents({ '.order': z.string() })
    // @ts-expect-error no name at all
    defineEvents({ '': z.string() })
    // @ts-expect-error a pattern is no name
    defineEvents({ 'order.*': z.string() })
    // @ts-expect-error the library's own
    defineEvents({ 'webhook.test': z.string() })
    // @ts-expect-error not a schema
    defineEvents({ 'order.paid': 'string' })
  })
})
