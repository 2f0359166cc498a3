import type { Context } from '../core/context.ts'
import { toEvent } from '../core/records.ts'
import { WebhooksError } from '../errors.ts'
import type { Page, WebhookEvent } from '../model.ts'
import type { EventRecord } from '../storage/storage.ts'
import { checkInstant, checkText } from './filters.ts'
import { type PageOptions, pageNames, readPage } from './listing.ts'
import type { TenantOf, TenantOptions } from './tenant.ts'

/** What `events.list` takes: every condition given must hold. */
export interface EventListOptions extends TenantOptions, PageOptions {
  /** Name of an event type. */
  type?: string | undefined
  /** Emitted at this instant or later. */
  since?: Date | undefined
  /** Emitted before this instant. */
  until?: Date | undefined
}

/** The events a tenant emitted. */
export interface Events {
  /** Newest first. @throws WebhooksError `invalid_option`, `invalid_cursor` */
  list(options?: EventListOptions): Promise<Page<WebhookEvent>>
  /** @throws WebhooksError `event_not_found` */
  get(id: string, options?: TenantOptions): Promise<WebhookEvent>
}

/** Builds {@link Events} over an instance, for the tenants that `tenantOf` lets through. */
export function createEvents({ settings, storage }: Context, tenantOf: TenantOf): Events {
  function show(record: EventRecord): WebhookEvent {
    return { ...toEvent(record), body: settings.redaction.show(record.body) }
  }

  return {
    async list(options = {}) {
      const conditions = {
        tenantId: tenantOf('events.list', options, ['type', 'since', 'until', ...pageNames]),
        type: checkText('type', options.type),
        since: checkInstant('since', options.since),
        until: checkInstant('until', options.until),
      }
      return readPage(
        options,
        'evt',
        (page) => storage.listEvents({ ...conditions, ...page }),
        show,
      )
    },

    async get(id, options) {
      const tenantId = tenantOf('events.get', options)
      const [event] = await storage.getEvents({ tenantId, ids: [String(id)] })
      if (event !== undefined) return show(event)
      throw new WebhooksError('event_not_found', `There is no event ${JSON.stringify(id)}`)
    },
  }
}
