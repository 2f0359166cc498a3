import type { Context } from '../core/context.ts'
import { testEventName } from '../core/events/event-name.ts'
import { serializeBody } from '../core/events/serialize.ts'
import { notYetAttempted } from '../core/records.ts'
import { Dispatcher } from '../core/worker/dispatcher.ts'
import type { Attempt } from '../model.ts'
import type { EndpointRecord, EventRecord, NewDelivery } from '../storage/storage.ts'

/**
 * Sends a test event to one endpoint, once, and records it like any other delivery. The delivery
 * is inserted already leased, so that no worker takes it, and its outcome is final either way.
 */
export async function sendTest(context: Context, endpoint: EndpointRecord): Promise<Attempt> {
  const { clock, ids, settings, storage } = context
  const { tenantId } = endpoint
  const createdAt = clock.now()
  const leaseToken = ids('lease')
  const event: EventRecord = {
    id: ids('evt'),
    tenantId,
    type: testEventName,
    body: serializeBody(
      { type: testEventName, createdAt, data: { endpointId: endpoint.id } },
      settings.limits.payloadBytes,
    ),
    channels: [],
    idempotencyKey: null,
    traceparent: null,
    createdAt,
    position: 0,
  }
  const { position: _, ...newEvent } = event
  await storage.insertEvents({ events: [{ ...newEvent, fanOut: false, lease: null }] })
  const delivery: NewDelivery = {
    id: ids('dlv'),
    tenantId,
    eventId: event.id,
    endpointId: endpoint.id,
    eventType: event.type,
    status: 'pending',
    cancelReason: null,
    // From now on: storing the event may have taken a while.
    dueAt: new Date(clock.now().getTime() + settings.limits.leaseMs),
    leaseToken,
    createdAt,
  }
  await storage.insertDeliveries({ deliveries: [delivery] })

  const attempt = await new Dispatcher(context).attempt(
    { delivery: notYetAttempted(delivery), event, endpoint },
    new AbortController().signal,
  )
  const now = clock.now()
  const counted = attempt.error?.origin === 'sender' ? 0 : 1
  await storage.settleDeliveries({
    now,
    settlements: [
      {
        id: delivery.id,
        leaseToken,
        attempt,
        status: attempt.succeeded ? 'succeeded' : 'failed',
        dueAt: null,
        attempts: counted,
        step: counted,
        faults: 1 - counted,
        responseStatus: attempt.response?.status ?? null,
        lastError: attempt.error,
        cancelReason: null,
        completedAt: now,
      },
    ],
  })
  return attempt
}
