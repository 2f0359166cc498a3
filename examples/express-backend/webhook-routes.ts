/** Where a workspace manages its webhooks, and reads what became of each delivery. */
import type { DeliveryStatus, TenantWebhooks } from '@ainexlayer/webhooks'
import type { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import express, { type Request, type Router } from 'express'

type Workspace = TenantWebhooks<typeof ainexlayerEvents, unknown>

export function webhookRoutes(workspaceOf: (request: Request) => Workspace): Router {
  const routes = express.Router()
  routes.use(express.json())

  // The library checks what it is given, so that these routes need no checks of their own.
  routes.post('/webhooks', async (req, res) => {
    res.status(201).json(await workspaceOf(req).endpoints.create(req.body ?? {}))
  })

  routes.get('/webhooks', async (req, res) => {
    res.json(await workspaceOf(req).endpoints.list(pageOf(req)))
  })

  routes.get('/webhooks/:id', async (req, res) => {
    res.json(await workspaceOf(req).endpoints.get(req.params.id))
  })

  routes.patch('/webhooks/:id', async (req, res) => {
    res.json(await workspaceOf(req).endpoints.update(req.params.id, req.body ?? {}))
  })

  routes.delete('/webhooks/:id', async (req, res) => {
    await workspaceOf(req).endpoints.delete(req.params.id)
    res.status(204).end()
  })

  routes.post('/webhooks/:id/test', async (req, res) => {
    res.json(await workspaceOf(req).endpoints.test(req.params.id))
  })

  routes.get('/webhooks/:id/deliveries', async (req, res) => {
    const { id } = await workspaceOf(req).endpoints.get(req.params.id)
    const status = req.query.status as DeliveryStatus | undefined
    res.json(await workspaceOf(req).deliveries.list({ endpointId: id, status, ...pageOf(req) }))
  })

  routes.get('/deliveries/:id/attempts', async (req, res) => {
    res.json(await workspaceOf(req).deliveries.attempts(req.params.id))
  })

  return routes
}

function pageOf({ query }: Request): { page?: number; limit?: number } {
  return {
    ...(query.page !== undefined && { page: Number(query.page) }),
    ...(query.limit !== undefined && { limit: Number(query.limit) }),
  }
}
