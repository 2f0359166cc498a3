/** The management API in a Fastify app. */
import { type ManagedWebhooks, managementApi, nodeListener } from '@ainexlayer/webhooks/management'
import { type FastifyInstance, fastify } from 'fastify'
import { accessOf } from './access.ts'

export function createFastifyApp(webhooks: ManagedWebhooks): FastifyInstance {
  const api = managementApi(webhooks, {
    authorize: (request) => accessOf(request.headers.get('authorization')),
  })
  const listener = nodeListener(api)

  const app = fastify()
  app.register(async (routes) => {
    // Bodies are left to the API, which has its own limit. This holds for these routes alone.
    routes.removeAllContentTypeParsers()
    routes.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const url of ['/api/v1/webhooks', '/api/v1/webhooks/*']) {
      routes.all(url, (request, reply) => {
        reply.hijack()
        return listener(request.raw, reply.raw)
      })
    }
  })
  return app
}
