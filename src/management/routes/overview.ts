import type { EventRegistry } from '../../core/events/registry.ts'
import { defineRoute, type Route } from '../route.ts'
import { deliveryPageSchema, tenantDeliveryListQuery } from '../schemas/delivery.ts'
import {
  eventTypeSchema,
  eventTypesSchema,
  statsHistorySchema,
  statsQuery,
  statsSchema,
} from '../schemas/overview.ts'
import { statsHistory } from '../stats-history.ts'

function describeEventType(registry: EventRegistry, name: string) {
  const schema = registry.jsonSchema(name)
  return { name, description: (schema.description as string | undefined) ?? null, schema }
}

/** What a tenant can subscribe to, and how it goes. */
export const overviewRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/event-types',
    operationId: 'listEventTypes',
    summary: 'List event types with their JSON Schemas',
    action: 'read',
    success: { status: 200, description: 'All of them.', schema: eventTypesSchema },
    async handle({ registry }) {
      return { body: { items: registry.names.map((name) => describeEventType(registry, name)) } }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/event-types/:name',
    operationId: 'getEventType',
    summary: 'Read an event type with its JSON Schema',
    action: 'read',
    success: { status: 200, description: 'Found.', schema: eventTypeSchema },
    problems: ['unknown_event'],
    handle: async ({ registry, params }) => ({ body: describeEventType(registry, params.name) }),
  }),
  defineRoute({
    method: 'get',
    path: '/deliveries',
    operationId: 'listTenantDeliveries',
    summary: 'Read the delivery log of all endpoints',
    description: 'Also of endpoints that were deleted.',
    action: 'read',
    query: tenantDeliveryListQuery,
    success: { status: 200, description: 'Newest first.', schema: deliveryPageSchema },
    problems: ['invalid_cursor'],
    handle: async ({ tenant, query }) => ({ body: await tenant.deliveries.list(query) }),
  }),
  defineRoute({
    method: 'get',
    path: '/stats',
    operationId: 'readStats',
    summary: 'Read success rate, latency and backlog',
    action: 'read',
    query: statsQuery,
    success: { status: 200, description: 'Of the whole tenant.', schema: statsSchema },
    handle: async ({ tenant, query }) => ({ body: await tenant.stats(query) }),
  }),
  defineRoute({
    method: 'get',
    path: '/stats/history',
    operationId: 'readStatsHistory',
    summary: 'Read how success rate and latency went over time',
    action: 'read',
    query: statsQuery,
    success: { status: 200, description: 'Of the whole tenant.', schema: statsHistorySchema },
    handle: async ({ tenant, query }) => ({ body: await statsHistory(tenant, query) }),
  }),
  defineRoute({
    method: 'get',
    path: '/:id/stats',
    operationId: 'readEndpointStats',
    summary: "Read an endpoint's success rate, latency and backlog",
    action: 'read',
    query: statsQuery,
    success: { status: 200, description: 'Of the endpoint.', schema: statsSchema },
    problems: ['endpoint_not_found'],
    async handle({ tenant, params, query }) {
      const { id: endpointId } = await tenant.endpoints.get(params.id)
      return { body: await tenant.stats({ ...query, endpointId }) }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/:id/stats/history',
    operationId: 'readEndpointStatsHistory',
    summary: "Read how an endpoint's success rate and latency went over time",
    action: 'read',
    query: statsQuery,
    success: { status: 200, description: 'Of the endpoint.', schema: statsHistorySchema },
    problems: ['endpoint_not_found'],
    async handle({ tenant, params, query }) {
      const { id: endpointId } = await tenant.endpoints.get(params.id)
      return { body: await statsHistory(tenant, { ...query, endpointId }) }
    },
  }),
]
