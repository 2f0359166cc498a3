/** The management API in an Express app, behind the app's own authentication. */
import type { IncomingMessage } from 'node:http'
import {
  type ManagedWebhooks,
  type ManagementAccess,
  managementApi,
  nodeListener,
} from '@ainexlayer/webhooks/management'
import express from 'express'
import { accessOf } from './access.ts'

/** A request as the middleware below leaves it. */
interface AppRequest extends IncomingMessage {
  access?: ManagementAccess | null
}

export function createExpressApp(webhooks: ManagedWebhooks): express.Express {
  const api = managementApi(webhooks, {
    authorize: (_request, { access }: AppRequest) => access ?? null,
  })

  const app = express()
  app.use((request: AppRequest, _response, next) => {
    request.access = accessOf(request.headers.authorization)
    next()
  })
  // Before body parsers, so that the API's own limit and its own errors hold. After them works too.
  app.use('/api/v1/webhooks', nodeListener(api))
  app.use(express.json())
  return app
}
