import { WebhooksError } from '../../errors.ts'
import type { Delivery } from '../../model.ts'
import { defineRoute, type Route, type TenantFace } from '../route.ts'
import { nothing } from '../schemas/common.ts'
import {
  deliveryDetailsSchema,
  deliveryListQuery,
  deliveryPageSchema,
  deliverySchema,
  recoveredSchema,
  recoverSchema,
} from '../schemas/delivery.ts'
import { showAttempt, showEvent } from '../show.ts'

/** A delivery under its endpoint: under another one of the same tenant it does not exist. */
async function findDelivery(
  tenant: TenantFace,
  { id, deliveryId }: { id: string; deliveryId: string },
): Promise<Delivery> {
  const delivery = await tenant.deliveries.get(deliveryId)
  if (delivery.endpointId === id) return delivery
  throw new WebhooksError(
    'delivery_not_found',
    `Endpoint ${JSON.stringify(id)} has no delivery ${JSON.stringify(deliveryId)}`,
  )
}

/** The delivery log, and what can be done about it. */
export const deliveryRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/:id/deliveries',
    operationId: 'listDeliveries',
    summary: "Read an endpoint's delivery log",
    action: 'read',
    query: deliveryListQuery,
    success: { status: 200, description: 'Newest first.', schema: deliveryPageSchema },
    problems: ['endpoint_not_found', 'invalid_cursor'],
    async handle({ tenant, params, query }) {
      const { id: endpointId } = await tenant.endpoints.get(params.id)
      return { body: await tenant.deliveries.list({ ...query, endpointId }) }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/:id/deliveries/:deliveryId',
    operationId: 'getDelivery',
    summary: 'Read a delivery with its event and attempts',
    action: 'read',
    success: { status: 200, description: 'Found.', schema: deliveryDetailsSchema },
    problems: ['delivery_not_found'],
    async handle({ tenant, params, access }) {
      const delivery = await findDelivery(tenant, params)
      const [event, attempts] = await Promise.all([
        tenant.events.get(delivery.eventId),
        tenant.deliveries.attempts(delivery.id),
      ])
      const shown = attempts.map((attempt) => showAttempt(attempt, access))
      return { body: { delivery, event: showEvent(event, access), attempts: shown } }
    },
  }),
  defineRoute({
    method: 'post',
    path: '/:id/deliveries/:deliveryId/retry',
    operationId: 'retryDelivery',
    summary: 'Send a delivery again, now',
    description:
      'A final one starts its schedule anew, also one that succeeded; a waiting one goes ahead ' +
      'of its time.',
    action: 'send',
    body: nothing,
    bodyOptional: true,
    success: { status: 200, description: 'Due now.', schema: deliverySchema },
    problems: ['delivery_not_found', 'conflict'],
    async handle({ tenant, params }) {
      const { id } = await findDelivery(tenant, params)
      return { body: await tenant.deliveries.retry(id) }
    },
  }),
  defineRoute({
    method: 'post',
    path: '/:id/deliveries/:deliveryId/cancel',
    operationId: 'cancelDelivery',
    summary: 'Call a pending delivery off',
    description: 'An attempt under way cannot be called back and is recorded.',
    action: 'send',
    body: nothing,
    bodyOptional: true,
    success: { status: 200, description: 'Cancelled.', schema: deliverySchema },
    problems: ['delivery_not_found', 'conflict'],
    async handle({ tenant, params }) {
      const { id } = await findDelivery(tenant, params)
      return { body: await tenant.deliveries.cancel(id) }
    },
  }),
  defineRoute({
    method: 'post',
    path: '/:id/recover',
    operationId: 'recover',
    summary: 'Send again what an endpoint did not get',
    action: 'send',
    body: recoverSchema,
    success: { status: 200, description: 'What was found.', schema: recoveredSchema },
    problems: ['endpoint_not_found', 'conflict'],
    async handle({ tenant, params, body }) {
      return { body: await tenant.recover({ ...body, endpointId: params.id }) }
    },
  }),
]
