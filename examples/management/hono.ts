/** The management API in a Hono app. */
import { type ManagedWebhooks, managementApi } from '@ainexlayer/webhooks/management'
import { Hono } from 'hono'
import { accessOf } from './access.ts'

export function createHonoApp(webhooks: ManagedWebhooks): Hono {
  const api = managementApi(webhooks, {
    authorize: (request) => accessOf(request.headers.get('authorization')),
  })

  const app = new Hono()
  app.all('/api/v1/webhooks/*', (c) => api(c.req.raw))
  return app
}
