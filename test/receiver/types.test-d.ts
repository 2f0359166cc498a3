import type { RequestHandler } from 'express'
import type { FastifyPluginAsync } from 'fastify'
import { expectTypeOf, test } from 'vitest'
import { ainexlayerEvents } from '../../src/ainexlayer/index.ts'
import { createReceiver } from '../../src/receiver/index.ts'
import { events } from './support.ts'

const secrets = 'whsec_'

test('handlers are typed by the registry', () => {
  createReceiver({
    events,
    secrets,
    handlers: {
      'order.paid': ({ type, data }) => {
        expectTypeOf(type).toEqualTypeOf<'order.paid'>()
        expectTypeOf(data).toEqualTypeOf<{ orderId: string; amount: number }>()
      },
      '*': ({ type, data }) => {
        expectTypeOf(type).toEqualTypeOf<string>()
        expectTypeOf(data).toEqualTypeOf<unknown>()
      },
    },
  })
  createReceiver({
    handlers: { 'document.processed': ({ data }) => data.document.id.length },
    events: ainexlayerEvents,
    secrets,
  })
})

test('a name that is not declared does not compile', () => {
  // @ts-expect-error: payed
  createReceiver({ events, secrets, handlers: { 'order.payed': () => {} } })
})

test('a handler for another shape does not compile', () => {
  const handler = ({ data }: { data: { orderId: number } }) => data
  // @ts-expect-error: orderId is text
  createReceiver({ events, secrets, handlers: { 'order.paid': handler } })
})

test('types without a registry, as the CLI writes them, will do', () => {
  interface Events {
    'order.paid': { orderId: string }
  }
  createReceiver<Events>({
    secrets,
    handlers: {
      'order.paid': ({ data }) => expectTypeOf(data).toEqualTypeOf<{ orderId: string }>(),
    },
  })
  // @ts-expect-error: payed
  createReceiver<Events>({ secrets, handlers: { 'order.payed': () => {} } })
})

test('without any types, names and data are open', () => {
  createReceiver({
    secrets,
    handlers: { 'order.paid': ({ data }) => expectTypeOf(data).toEqualTypeOf<unknown>() },
  })
})

test('an answer before the work asks for somebody to tell', () => {
  // @ts-expect-error: onError is missing
  createReceiver({ events, secrets, handlers: {}, respond: 'first' })
  createReceiver({ events, secrets, handlers: {}, respond: 'first', onError: () => {} })
})

test('fits the frameworks', () => {
  const receiver = createReceiver({ events, secrets, handlers: {} })
  expectTypeOf(receiver.express()).toExtend<RequestHandler>()
  expectTypeOf(receiver.fastify).toExtend<FastifyPluginAsync>()
  expectTypeOf(receiver.fetch).toExtend<(request: Request) => Promise<Response>>()
})
