// What must not compile: the compiler has to refuse each line that follows such a comment with
// the named code, and nothing else.

import { DatabaseSync } from 'node:sqlite'
import { createWebhooks, defineEvents, memoryStorage } from '@ainexlayer/webhooks'
import { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { managementApi } from '@ainexlayer/webhooks/management'
import { createReceiver } from '@ainexlayer/webhooks/receiver'
import { z } from 'zod'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })
const webhooks = createWebhooks({ events, storage: memoryStorage() })
const transaction = new DatabaseSync(':memory:')
const data = { orderId: '1' }

export const refusals = [
  // @ts-expect-error TS2345: a name that is not declared
  webhooks.emit('order.payed', data),
  // @ts-expect-error TS2322: a payload of the wrong type
  webhooks.emit('order.paid', { orderId: 1 }),
  // @ts-expect-error TS2345: a payload with a part missing
  webhooks.emit('order.paid', {}),
  // @ts-expect-error TS2322: a transaction, where the storage has none
  webhooks.emit('order.paid', data, { transaction }),
  // @ts-expect-error TS2345: a name that the catalogue does not know
  createWebhooks({ events: ainexlayerEvents, storage: memoryStorage() }).emit('document.lost', {}),
  // @ts-expect-error TS2353: a handler of an event that is not declared
  createReceiver({ events, secrets: 'whsec_', handlers: { 'order.payed': () => {} } }),
  // @ts-expect-error TS2345: a notification that does not exist
  webhooks.on('delivery.lost', () => {}),
  // @ts-expect-error TS2345: a management API that would let everybody in
  managementApi(webhooks, {}),
]
