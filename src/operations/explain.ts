import type { Context } from '../core/context.ts'
import { checkChannels } from '../core/events/emitter.ts'
import type { EventRegistry } from '../core/events/registry.ts'
import { serializeBody } from '../core/events/serialize.ts'
import { matchSubscription } from '../core/matching/matching.ts'
import { toEndpoint } from '../core/records.ts'
import type { Endpoint } from '../model.ts'
import type { TenantOptions } from './tenant.ts'

/** What `explain` takes beside type and data. */
export interface ExplainOptions extends TenantOptions {
  /** Channels the event would be emitted to. Default none. */
  channels?: string[] | undefined
}

/** Whether an endpoint would receive an event. */
export interface Explanation {
  endpoint: Endpoint
  receives: boolean
  /** The rule that decides, in words: what lets the event through, or what holds it back first. */
  rule: string
}

const perPage = 500

/** Explains for every endpoint of a tenant whether it would receive an event, newest first. */
export async function explainEvent(
  { clock, settings, storage }: Context,
  registry: EventRegistry,
  event: { type: string; data: unknown; tenantId: string; channels: string[] },
): Promise<Explanation[]> {
  const { type, tenantId } = event
  // Judged as it would be sent: what JSON changes, a filter sees changed.
  const body = serializeBody(
    { type, createdAt: clock.now(), data: settings.redaction.parse(registry, type, event.data) },
    settings.limits.payloadBytes,
  )
  const sent = (JSON.parse(body) as { data: unknown }).data
  const occurrence = { type, channels: checkChannels(event.channels), data: () => sent }
  const explanations: Explanation[] = []
  let before: string | null = null
  do {
    const { items } = await storage.listEndpoints({
      tenantId,
      offset: 0,
      before,
      limit: perPage,
      withTotal: false,
    })
    for (const endpoint of items) {
      const decision = matchSubscription(endpoint, occurrence)
      explanations.push({ endpoint: toEndpoint(endpoint), ...decision })
    }
    before = items.length < perPage ? null : (items.at(-1)?.id ?? null)
  } while (before !== null)
  return explanations
}
