import type { CancelReason, DisabledReason } from '../../model.ts'
import type { EndpointRecord } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { toEndpoint } from '../records.ts'

/** Deliveries cancelled in one write. */
const cancelledPerWrite = 1_000

/**
 * Switches an endpoint off and calls off what was still owed to it.
 *
 * With `ifStill`, only an endpoint of which that is true at the last look, and only if its owner
 * changes nothing meanwhile: what was decided a while ago may hold no longer.
 *
 * @returns The endpoint as it is now; `null` if there is none.
 */
export async function switchOff(
  context: Context,
  params: {
    tenantId: string
    id: string
    reason: DisabledReason
    ifStill?: (endpoint: EndpointRecord) => boolean
  },
): Promise<EndpointRecord | null> {
  const { tenantId, id, reason, ifStill } = params
  const before = await context.storage.getEndpoint({ tenantId, id })
  if (before === null || !before.active || ifStill?.(before) === false) return before
  const now = context.clock.now()
  const endpoint = await context.storage.updateEndpoint({
    tenantId,
    id,
    changes: { active: false, disabledAt: now, disabledReason: reason },
    now,
    ifVersion: ifStill && before.version,
  })
  if (endpoint === null || endpoint === 'version_mismatch') return null
  try {
    await cancelPending(context, { tenantId, endpointId: id, reason: 'endpoint_disabled' })
  } finally {
    // Off it is, also where the storage fails now; what is left pending, claims cancel one by one.
    context.logger.info({ tenantId, endpointId: id, reason }, 'An endpoint was switched off')
    const shown = toEndpoint(endpoint)
    context.notifier.notify('endpoint.disabled', { tenantId, endpoint: shown, reason })
  }
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
