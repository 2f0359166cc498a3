import type { NewDelivery } from '../../../storage/storage.ts'
import { covers, stateAt } from '../endpoint-states.ts'
import type { Check } from '../observed.ts'
import { type CheckContext, claimOf } from './facts.ts'

/** Nothing goes out that was not emitted, to nobody it is not meant for. */
export function invented({ ledger, broken }: CheckContext): Check {
  const breaks = (what: string) => broken('nothing from nowhere', what)

  function checkDelivery(given: NewDelivery, isFannedOut: boolean) {
    const { id, tenantId, eventId, endpointId, status } = given
    const event = ledger.events.get(eventId)
    const endpoint = ledger.endpoints.get(endpointId)
    if (event === undefined || endpoint === undefined) {
      return breaks(`${id} is for an event or an endpoint that does not exist`)
    }
    if (event.event.tenantId !== tenantId || endpoint.tenantId !== tenantId) {
      breaks(`${id} crosses from tenant ${event.event.tenantId} to ${endpoint.tenantId}`)
    }
    if (!event.event.fanOut) return
    const atEmit = stateAt(endpoint, event.order)
    const later = endpoint.states.filter((state) => state.order > event.order)
    const wanted = [...(atEmit ? [atEmit] : []), ...later].some((state) =>
      state.events.some((pattern) => covers(pattern, event.event.type)),
    )
    if (!wanted) breaks(`${endpointId} was never subscribed to ${event.event.type}`)
    if (isFannedOut && status === 'pending' && !(atEmit?.active && !atEmit.deleted)) {
      breaks(`${endpointId} was not active when ${eventId} was emitted`)
    }
  }

  return {
    effect(effect) {
      if (effect.method === 'insertDeliveries') {
        const inserted = new Set(effect.answer)
        for (const given of effect.params.deliveries) {
          if (inserted.has(given.id)) checkDelivery(given, false)
        }
      }
      if (effect.method === 'fanOut') {
        const accepted = new Set(effect.answer.events)
        for (const { eventId, deliveries } of effect.params.results) {
          if (!accepted.has(eventId)) continue
          for (const given of deliveries) checkDelivery(given, true)
        }
      }
    },

    sent(sent) {
      const { by, eventId, endpointId, request } = sent
      const event = ledger.events.get(eventId)
      const delivery = ledger.deliveryOf(eventId, endpointId)
      const claim = delivery && claimOf(delivery, sent)
      if (event === undefined || delivery === undefined || claim === undefined) {
        return breaks(`${by.name} sent ${eventId} to ${request.url} without a lease on a delivery`)
      }
      if (request.body !== event.event.body) breaks(`${by.name} changed the body of ${eventId}`)
      if (request.url !== claim.endpoint.url && !delivery.isTest) {
        breaks(`${by.name} sent ${delivery.id} to ${request.url}, not to ${claim.endpoint.url}`)
      }
      const isOff = claim.endpoint.deleted || !claim.endpoint.active
      if (isOff && !delivery.isTest) {
        breaks(`${by.name} sent ${delivery.id} to ${endpointId}, which was off when it was claimed`)
      }
    },
  }
}
