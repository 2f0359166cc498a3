import type { CancelReason, DisabledReason } from '../model.ts'
import type { EndpointRecord } from '../storage/storage.ts'
import type { Context } from './context.ts'
import { toEndpoint } from './records.ts'

/** Deliveries cancelled in one write. */
const cancelledPerWrite = 1_000

/**
 * Switches an endpoint off and calls off what was still owed to it.
 *
 * @returns The endpoint as it is now; `null` if there is none.
 */
export async function switchOff(
  context: Context,
  { tenantId, id, reason }: { tenantId: string; id: string; reason: DisabledReason },
): Promise<EndpointRecord | null> {
  const before = await context.storage.getEndpoint({ tenantId, id })
  if (before === null || !before.active) return before
  const now = context.clock.now()
  const endpoint = await context.storage.updateEndpoint({
    tenantId,
    id,
    changes: { active: false, disabledAt: now, disabledReason: reason },
    now,
  })
  if (endpoint === null || endpoint === 'version_mismatch') return null
  await cancelPending(context, { tenantId, endpointId: id, reason: 'endpoint_disabled' })
  context.notifier.notify('endpoint.disabled', { tenantId, endpoint: toEndpoint(endpoint), reason })
  return endpoint
}

/** Cancels everything pending of an endpoint, in bounded writes. */
export async function cancelPending(
  { clock, notifier, storage }: Context,
  { tenantId, endpointId, reason }: { tenantId: string; endpointId: string; reason: CancelReason },
): Promise<void> {
  for (;;) {
    const deliveryIds = await storage.cancelDeliveries({
      tenantId,
      which: { endpointId },
      reason,
      now: clock.now(),
      limit: cancelledPerWrite,
    })
    if (deliveryIds.length > 0) {
      notifier.notify('delivery.cancelled', { tenantId, deliveryIds, endpointId, reason })
    }
    if (deliveryIds.length < cancelledPerWrite) return
  }
}
