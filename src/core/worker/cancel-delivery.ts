import type { CancelReason } from '../../model.ts'
import type { DeliveryRecord } from '../../storage/storage.ts'
import type { Context } from '../context.ts'

/** Calls off a delivery whose endpoint is gone, and tells listeners. */
export async function cancelDelivery(
  { clock, notifier, storage }: Context,
  { tenantId, id, endpointId }: DeliveryRecord,
  reason: CancelReason,
): Promise<void> {
  const deliveryIds = await storage.cancelDeliveries({
    tenantId,
    which: { ids: [id] },
    reason,
    now: clock.now(),
    limit: 1,
  })
  if (deliveryIds.length === 0) return
  notifier.notify('delivery.cancelled', { tenantId, deliveryIds, endpointId, reason })
}
