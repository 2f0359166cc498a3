import { createWebhooks, memoryStorage } from '@ainexlayer/webhooks'
import { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { createRouteHandlers } from '../../../../../../../../examples/management/next.ts'

const webhooks = createWebhooks({
  events: ainexlayerEvents,
  storage: memoryStorage(),
  addressGuard: { allow: ['127.0.0.1'] },
})
export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createRouteHandlers(webhooks)
