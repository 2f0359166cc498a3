import type { Delivery, Endpoint, WebhookEvent } from '../model.ts'
import type {
  DeliveryRecord,
  EndpointRecord,
  EventRecord,
  NewDelivery,
} from '../storage/storage.ts'

/** What callers see of an event. */
export function toEvent({ position: _, traceparent: __, ...event }: EventRecord): WebhookEvent {
  return event
}

/** What callers see of an endpoint: no secrets, and of custom headers the names alone. */
export function toEndpoint(record: EndpointRecord): Endpoint {
  const { secrets: _, headers, activePosition: __, ...endpoint } = record
  return { ...endpoint, headerNames: Object.keys(headers) }
}

/** What callers see of a delivery: no lease, and one instant for when it goes on. */
export function toDelivery(record: DeliveryRecord): Delivery {
  const { dueAt, leaseToken: _, step: __, faults: ___, ...delivery } = record
  return { ...delivery, nextAttemptAt: dueAt }
}

/** A delivery as it is stored when it is added, under this token. */
export function notYetAttempted(
  delivery: NewDelivery,
  leaseToken = delivery.leaseToken,
): DeliveryRecord {
  return {
    ...delivery,
    leaseToken,
    attempts: 0,
    step: 0,
    faults: 0,
    responseStatus: null,
    lastError: null,
    completedAt: null,
  }
}
