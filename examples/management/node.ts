/** The management API on a plain `node:http` server. */
import { createServer, type Server } from 'node:http'
import { type ManagedWebhooks, managementApi, nodeListener } from '@ainexlayer/webhooks/management'
import { accessOf } from './access.ts'

export function createNodeServer(webhooks: ManagedWebhooks): Server {
  const api = managementApi(webhooks, {
    authorize: (request) => accessOf(request.headers.get('authorization')),
  })
  return createServer(nodeListener(api))
}
