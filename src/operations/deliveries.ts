import type { Context } from '../core/context.ts'
import { toDelivery } from '../core/records.ts'
import { WebhooksError } from '../errors.ts'
import type { Attempt, Delivery, DeliveryStatus, Page } from '../model.ts'
import type { DeliveryRecord } from '../storage/storage.ts'
import { checkInstant, checkText } from './filters.ts'
import { type PageOptions, pageNames, readPage } from './listing.ts'
import type { TenantOf, TenantOptions } from './tenant.ts'

/** What `deliveries.list` takes: every condition given must hold. */
export interface DeliveryListOptions extends TenantOptions, PageOptions {
  endpointId?: string | undefined
  eventId?: string | undefined
  /** Name of an event type. */
  type?: string | undefined
  status?: DeliveryStatus | undefined
  /** Created at this instant or later. */
  since?: Date | undefined
  /** Created before this instant. */
  until?: Date | undefined
}

/** The delivery log of a tenant. Unknown ids, also another tenant's, are `delivery_not_found`. */
export interface Deliveries {
  /** Newest first. @throws WebhooksError `invalid_option`, `invalid_cursor` */
  list(options?: DeliveryListOptions): Promise<Page<Delivery>>
  /** @throws WebhooksError `delivery_not_found` */
  get(id: string, options?: TenantOptions): Promise<Delivery>
  /** Every request made for a delivery, oldest first. @throws WebhooksError `delivery_not_found` */
  attempts(id: string, options?: TenantOptions): Promise<Attempt[]>
  /**
   * Makes a delivery due now: a final one starts its schedule anew (also one that succeeded), a
   * waiting one goes ahead of its time. A pause, rest or rate limit of its endpoint still holds.
   *
   * @throws WebhooksError `delivery_not_found`; `conflict` while an attempt is under way, or if its
   * endpoint is not active or was deleted
   */
  retry(id: string, options?: TenantOptions): Promise<Delivery>
  /**
   * Calls a pending delivery off. An attempt under way cannot be called back and is recorded.
   *
   * @throws WebhooksError `delivery_not_found`; `conflict` if it has ended already
   */
  cancel(id: string, options?: TenantOptions): Promise<Delivery>
}

const listNames: readonly (keyof DeliveryListOptions)[] = [
  'endpointId',
  'eventId',
  'type',
  'status',
  'since',
  'until',
  ...pageNames,
]

const statuses: readonly DeliveryStatus[] = ['pending', 'succeeded', 'failed', 'cancelled']

/** Builds {@link Deliveries} over an instance, for the tenants that `tenantOf` lets through. */
export function createDeliveries(
  context: Context,
  tenantOf: TenantOf,
  { onDue }: { onDue: () => void },
): Deliveries {
  const { clock, notifier, storage } = context

  async function find(tenantId: string, id: string): Promise<DeliveryRecord> {
    const record = await storage.getDelivery({ tenantId, id: String(id) })
    if (record !== null) return record
    throw new WebhooksError('delivery_not_found', `There is no delivery ${JSON.stringify(id)}`)
  }

  return {
    async list(options = {}) {
      const tenantId = tenantOf('deliveries.list', options, listNames)
      const { endpointId, eventId, type, status } = options
      if (status !== undefined && !statuses.includes(status)) {
        throw new WebhooksError('invalid_option', `status must be one of ${statuses.join(', ')}`)
      }
      const conditions = {
        tenantId,
        endpointId: checkText('endpointId', endpointId),
        eventId: checkText('eventId', eventId),
        type: checkText('type', type),
        status,
        since: checkInstant('since', options.since),
        until: checkInstant('until', options.until),
      }
      return readPage(
        options,
        'dlv',
        (page) => storage.listDeliveries({ ...conditions, ...page }),
        toDelivery,
      )
    },

    async get(id, options) {
      return toDelivery(await find(tenantOf('deliveries.get', options), id))
    },

    async attempts(id, options) {
      const tenantId = tenantOf('deliveries.attempts', options)
      await find(tenantId, id)
      return storage.listAttempts({ tenantId, deliveryIds: [id] })
    },

    async retry(id, options) {
      const tenantId = tenantOf('deliveries.retry', options)
      const { endpointId } = await find(tenantId, id)
      const endpoint = await storage.getEndpoint({ tenantId, id: endpointId })
      if (endpoint === null || !endpoint.active) {
        const state = endpoint === null ? 'was deleted' : 'is not active: enable it first'
        throw new WebhooksError('conflict', `Endpoint ${endpointId} ${state}`)
      }
      const changed = await storage.requeueDeliveries({ tenantId, ids: [id], now: clock.now() })
      if (changed.length === 0) {
        throw new WebhooksError(
          'conflict',
          `An attempt of delivery ${id} is under way; retry once it has ended`,
        )
      }
      onDue()
      return toDelivery(await find(tenantId, id))
    },

    async cancel(id, options) {
      const tenantId = tenantOf('deliveries.cancel', options)
      const { endpointId } = await find(tenantId, id)
      const deliveryIds = await storage.cancelDeliveries({
        tenantId,
        which: { ids: [id] },
        reason: 'manual',
        now: clock.now(),
        limit: 1,
      })
      const delivery = toDelivery(await find(tenantId, id))
      if (deliveryIds.length === 0) {
        throw new WebhooksError('conflict', `Delivery ${id} has ended already: ${delivery.status}`)
      }
      notifier.notify('delivery.cancelled', { tenantId, deliveryIds, endpointId, reason: 'manual' })
      return delivery
    },
  }
}
