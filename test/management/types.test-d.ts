import type { IncomingMessage } from 'node:http'
import { expectTypeOf, test } from 'vitest'
import type * as z from 'zod'
import { ainexlayerEvents } from '../../src/ainexlayer/index.ts'
import {
  type Attempt,
  type AttemptErrorCode,
  type CreateEndpointInput,
  createWebhooks,
  type Delivery,
  type Endpoint,
  type EndpointChanges,
  memoryStorage,
  type RecoverResult,
  type Stats,
} from '../../src/index.ts'
import {
  type ManagementAction,
  managementActions,
  managementApi,
  nodeListener,
} from '../../src/management/index.ts'
import type {
  attemptSchema,
  deliverySchema,
  recoveredSchema,
} from '../../src/management/schemas/delivery.ts'
import type {
  createEndpointSchema,
  endpointSchema,
  updateEndpointSchema,
} from '../../src/management/schemas/endpoint.ts'
import type { statsSchema } from '../../src/management/schemas/overview.ts'

/** What becomes of a value in JSON. */
type Json<Value> = Value extends Date
  ? string
  : Value extends readonly (infer Item)[]
    ? Json<Item>[]
    : Value extends object
      ? { [Key in keyof Value]: Json<Value[Key]> }
      : Value

const webhooks = createWebhooks({ events: ainexlayerEvents, storage: memoryStorage() })
const access = { tenantId: 'ws_1', actions: managementActions }

test('answers are what the library returns: a field that is added has to be documented', () => {
  expectTypeOf<z.infer<typeof endpointSchema>>().toEqualTypeOf<Json<Endpoint>>()
  expectTypeOf<z.infer<typeof deliverySchema>>().toEqualTypeOf<Json<Delivery>>()
  expectTypeOf<z.infer<typeof statsSchema>>().toEqualTypeOf<Json<Stats>>()
  expectTypeOf<z.infer<typeof recoveredSchema>>().toEqualTypeOf<RecoverResult>()
  type ShownAttempt = z.infer<typeof attemptSchema>
  expectTypeOf<keyof ShownAttempt>().toEqualTypeOf<keyof Attempt>()
  expectTypeOf<NonNullable<ShownAttempt['error']>['code']>().toEqualTypeOf<AttemptErrorCode>()
})

test('requests can say all that the library takes, but for the tenant', () => {
  type Created = keyof z.infer<typeof createEndpointSchema>
  expectTypeOf<Created>().toEqualTypeOf<Exclude<keyof CreateEndpointInput, 'tenantId'>>()
  expectTypeOf<keyof z.infer<typeof updateEndpointSchema>>().toEqualTypeOf<keyof EndpointChanges>()
})

test('authorize is required, and typed', () => {
  // @ts-expect-error: nothing is served without it
  managementApi(webhooks)
  // @ts-expect-error: nothing is served without it
  managementApi(webhooks, {})
  // @ts-expect-error: a misspelt action
  managementApi(webhooks, { authorize: () => ({ tenantId: 'ws_1', actions: ['raed'] }) })
  // @ts-expect-error: no tenant
  managementApi(webhooks, { authorize: () => ({ actions: ['read'] }) })
  expectTypeOf<ManagementAction>().toEqualTypeOf<'read' | 'payloads' | 'write' | 'send'>()
})

test('what authorize sees beside the request has to be handed over', () => {
  const plain = managementApi(webhooks, { authorize: () => access })
  expectTypeOf(plain).toBeCallableWith(new Request('http://host.example'))

  const withUser = managementApi(webhooks, {
    authorize: (_request, { user }: IncomingMessage & { user?: string }) =>
      user === undefined ? null : access,
  })
  // @ts-expect-error: the context is missing
  withUser(new Request('http://host.example'))
  expectTypeOf(nodeListener(withUser)).parameter(0).toExtend<IncomingMessage>()

  const withText = managementApi(webhooks, { authorize: (_request, _text: string) => access })
  // @ts-expect-error: the listener hands over Node's request, and no text
  nodeListener(withText)
})
