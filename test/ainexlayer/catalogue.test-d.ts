import { describe, expectTypeOf, it } from 'vitest'
import { type ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import type { EventData, EventName, SentEventData } from '../../src/core/events/registry.ts'

type Catalogue = typeof ainexlayerEvents
type Examples = typeof ainexlayerExamples

declare function emit<Name extends EventName<Catalogue>>(
  name: Name,
  data: EventData<Catalogue, Name>,
): void

describe('types of the catalogue', () => {
  it('has an example for every name, of its type', () => {
    expectTypeOf<keyof Examples>().toEqualTypeOf<EventName<Catalogue>>()
    expectTypeOf<Examples['user.login']>().toEqualTypeOf<SentEventData<Catalogue, 'user.login'>>()
  })

  it('lets every example be emitted under its own name only', () => {
    emit('document.processed', ainexlayerExamples['document.processed'])
    emit('chat.message', ainexlayerExamples['chat.message'])
    // @ts-expect-error the example of another event type
    emit('document.processed', ainexlayerExamples['document.uploaded'])
    // @ts-expect-error no such event type
    emit('document.archived', ainexlayerExamples['document.deleted'])
  })

  it('lets an incomplete or invalid example not compile', () => {
    const { 'user.login': login, ...others } = ainexlayerExamples
    // @ts-expect-error one is missing
    const incomplete: Examples = others
    const { session, ...withoutSession } = login
    // @ts-expect-error a field of it is missing
    const invalid: Examples = { ...others, 'user.login': withoutSession }
    expectTypeOf([incomplete, invalid, session]).not.toBeAny()
  })

  it('asks on emit only for what must be known', () => {
    type Input = EventData<Catalogue, 'document.processed'>
    expectTypeOf<Input['embedding']>().extract<undefined>().toEqualTypeOf<undefined>()
    expectTypeOf<Input['chunks']>().toEqualTypeOf<number>()
  })
})
