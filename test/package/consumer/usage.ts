// What a strict TypeScript project may write. Compiled as an ES module and as CommonJS.

import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import {
  createWebhooks,
  type Delivery,
  defineEvents,
  isWebhooksError,
  memoryStorage,
} from '@ainexlayer/webhooks'
import { ainexlayerEvents, ainexlayerExamples } from '@ainexlayer/webhooks/ainexlayer'
import { managementActions, managementApi, nodeListener } from '@ainexlayer/webhooks/management'
import { createReceiver, verify } from '@ainexlayer/webhooks/receiver'
import { sqliteStorage } from '@ainexlayer/webhooks/sqlite'
import { createTestWebhooks } from '@ainexlayer/webhooks/testing'
import { z } from 'zod'

const orders = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })

export async function use(): Promise<Delivery[]> {
  const webhooks = createWebhooks({ events: orders, storage: memoryStorage() })
  await webhooks.emit('order.paid', { orderId: '1' }, { tenantId: 't', idempotencyKey: 'k' })

  const documents = createWebhooks({
    events: ainexlayerEvents,
    storage: sqliteStorage({ path: 'webhooks.db' }),
  })
  const example = ainexlayerExamples['document.processed']
  const transaction = new DatabaseSync('webhooks.db')
  await documents.emit('document.processed', example, { transaction })
  documents.on('delivery.failed', ({ delivery }) => delivery.responseStatus)

  const api = managementApi(documents, {
    authorize: (request) =>
      request.headers.has('x-key') ? { tenantId: 't', actions: managementActions } : null,
  })
  createServer(nodeListener(api))

  const { settle } = createTestWebhooks({ events: orders })
  await settle()
  try {
    const { type } = await verify('', {}, 'whsec_')
    console.log(type.length)
  } catch (error) {
    if (isWebhooksError(error, 'signature_mismatch')) console.log(error.message)
  }
  const receiver = createReceiver({
    events: orders,
    secrets: 'whsec_',
    handlers: { 'order.paid': ({ data }) => console.log(data.orderId.length) },
  })
  await receiver.fetch(new Request('https://example.com', { method: 'POST', body: '' }))
  return (await documents.deliveries.list({ status: 'failed' })).items
}
