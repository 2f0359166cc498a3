import { defineEvents } from '../core/events/registry.ts'
import { chatEvents } from './chat.ts'
import { documentEvents } from './document.ts'
import { userEvents } from './user.ts'
import { workspaceEvents } from './workspace.ts'

/**
 * The nineteen event types of AINexLayer. The rules that all payloads follow stand in shared.ts.
 *
 * @example
 * const webhooks = createWebhooks({ events: ainexlayerEvents, storage })
 *
 * @example
 * // With types of one's own beside them
 * const events = defineEvents({ ...ainexlayerEvents.schemas, 'order.paid': orderPaid })
 */
export const ainexlayerEvents = defineEvents({
  ...documentEvents,
  ...chatEvents,
  ...workspaceEvents,
  ...userEvents,
})
