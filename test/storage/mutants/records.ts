import type { Tables } from '../../../src/storage/memory/tables.ts'
import type { ListParams, Storage } from '../../../src/storage/storage.ts'
import { later, type Mutant, shared } from './mutant.ts'

export const recordMutants: Mutant[] = [
  {
    name: 'an update does not look at the version',
    caughtBy: 'endpoints',
    breaks: (storage) => ({
      updateEndpoint: ({ ifVersion: _, ...params }) => storage.updateEndpoint(params),
    }),
  },
  {
    name: 'an update does not raise the version',
    caughtBy: 'endpoints',
    breaks: (storage, tables) => ({
      async updateEndpoint(params) {
        const row = tables.endpoints.get(params.id)
        const version = row?.record.version ?? 0
        await storage.updateEndpoint(params)
        if (row) row.record.version = version
        return storage.getEndpoint(params)
      },
    }),
  },
  {
    name: 'an update writes back everything that it read before',
    caughtBy: 'endpoints',
    breaks: (storage) => ({
      async updateEndpoint(params) {
        const before = await storage.getEndpoint(params)
        if (!before) return null
        await new Promise((resolve) => setImmediate(resolve))
        const { url, description, events, channels, headers, metadata } = before
        const read = { url, description, events, channels, headers, metadata }
        return storage.updateEndpoint({ ...params, changes: { ...read, ...params.changes } })
      },
    }),
  },
  {
    name: 'switching on again keeps the health of before',
    caughtBy: 'endpoints',
    breaks: (storage, tables) => ({
      async updateEndpoint(params) {
        const row = tables.endpoints.get(params.id)
        const { pausedUntil, failingSince, failedAttempts } = row?.record ?? {}
        await storage.updateEndpoint(params)
        if (row) Object.assign(row.record, { pausedUntil, failingSince, failedAttempts })
        return storage.getEndpoint(params)
      },
    }),
  },
  {
    name: 'each update starts health clean',
    caughtBy: 'endpoints',
    breaks: (storage, tables) => ({
      async updateEndpoint(params) {
        const clean = { pausedUntil: null, failingSince: null, failedAttempts: 0 }
        Object.assign(tables.endpoints.get(params.id)?.record ?? {}, clean)
        return storage.updateEndpoint(params)
      },
    }),
  },
  {
    name: 'a deleted endpoint takes its log with it',
    caughtBy: 'endpoints',
    breaks: (storage, tables) => ({
      async deleteEndpoint(params) {
        const deleted = await storage.deleteEndpoint(params)
        for (const row of tables.deliveries.values()) {
          if (row.endpoint.id === params.id) tables.removeDelivery(row)
        }
        return deleted
      },
    }),
  },
  {
    name: 'a deleted endpoint is only switched off',
    caughtBy: 'endpoints',
    breaks: (storage) => ({
      async deleteEndpoint({ tenantId, id, now }) {
        const changes = { active: false }
        return (await storage.updateEndpoint({ tenantId, id, changes, now })) !== null
      },
    }),
  },
  {
    name: 'what is handed out is what is stored',
    caughtBy: 'endpoints',
    breaks: (_, tables) => ({
      async getEndpoint({ id }) {
        return tables.endpoints.get(id)?.record ?? null
      },
    }),
  },
  {
    name: 'a success leaves the streak as it is',
    caughtBy: 'endpoint health',
    breaks: (storage) => ({
      recordHealth: ({ changes }) =>
        storage.recordHealth({
          changes: changes.map((change) => ({ ...change, succeeded: false })),
        }),
    }),
  },
  {
    name: 'a pause can be shortened',
    caughtBy: 'endpoint health',
    breaks: (storage, tables) => ({
      async recordHealth({ changes }) {
        for (const { endpointId, pausedUntil } of changes) {
          const row = tables.endpoints.get(endpointId)
          if (row && pausedUntil) row.record.pausedUntil = pausedUntil
        }
        return storage.recordHealth({ changes })
      },
    }),
  },
  {
    name: 'health changes at the same time overwrite each other',
    caughtBy: 'endpoint health',
    breaks: (storage) => ({ recordHealth: shared(storage.recordHealth) }),
  },
  {
    name: 'a health change counts as a change by the owner',
    caughtBy: 'endpoint health',
    breaks: (storage, tables) => ({
      async recordHealth({ changes }) {
        for (const { endpointId } of changes) {
          const row = tables.endpoints.get(endpointId)
          if (row) row.record.version += 1
        }
        return storage.recordHealth({ changes })
      },
    }),
  },
  {
    name: 'a cursor repeats its row',
    caughtBy: 'the list of deliveries',
    breaks: (storage) => ({
      listDeliveries: (params) =>
        storage.listDeliveries({ ...params, before: params.before && `${params.before}\u0000` }),
    }),
  },
  {
    name: 'a list is in the order of arrival',
    caughtBy: 'the list of events',
    breaks: (storage) => ({
      async listEvents(params) {
        const { items, total } = await storage.listEvents(params)
        return { items: items.sort((a, b) => b.position - a.position), total }
      },
    }),
  },
  {
    name: 'a total counts the page',
    caughtBy: 'the list of endpoints',
    breaks: (storage) => ({
      async listEndpoints(params) {
        const { items, total } = await storage.listEndpoints(params)
        return { items, total: total && items.length }
      },
    }),
  },
  {
    name: 'the list of all endpoints repeats the one that it goes on from',
    caughtBy: 'the list of all endpoints',
    breaks: (storage, tables) => ({
      async listAllEndpoints({ after, limit }) {
        const again = tables.endpoints.get(after ?? '')
        const page = await storage.listAllEndpoints({ after, limit })
        return [...(again ? [again.record] : []), ...page].slice(0, limit)
      },
    }),
  },
  {
    name: 'the list of all endpoints shows deleted ones',
    caughtBy: 'the list of all endpoints',
    breaks: (_, tables) => ({
      async listAllEndpoints({ after, limit }) {
        const rows = [...tables.endpoints.values()].filter(({ id }) => id > (after ?? ''))
        return rows.slice(0, limit).map(({ record }) => record)
      },
    }),
  },
  {
    name: '`until` is inclusive',
    caughtBy: 'list filters',
    breaks: (storage) => ({
      listEvents: (params) =>
        storage.listEvents({ ...params, until: params.until && later(params.until, 1) }),
    }),
  },
  {
    name: 'the status filter is ignored together with an endpoint',
    caughtBy: 'list filters',
    breaks: (storage) => ({
      listDeliveries: ({ status, ...params }) =>
        storage.listDeliveries({ ...params, status: params.endpointId ? undefined : status }),
    }),
  },
  {
    name: 'events without a delivery include those that still wait',
    caughtBy: 'events without a delivery for an endpoint',
    breaks: (storage) => ({
      async listEventsWithoutDelivery({ tenantId, since, until }) {
        const page: ListParams = { offset: 0, before: null, limit: 100, withTotal: false }
        const { items } = await storage.listEvents({ tenantId, since, until, ...page })
        return items.toReversed()
      },
    }),
  },
  {
    name: 'percentiles lie between two durations',
    caughtBy: 'stats',
    breaks: (storage) => ({
      async stats(params) {
        const stats = await storage.stats(params)
        const { p50, ...others } = stats.durationMs
        return { ...stats, durationMs: { ...others, p50: p50 && p50 + 0.5 } }
      },
    }),
  },
  {
    name: 'the backlog counts what was created since only',
    caughtBy: 'stats',
    breaks: (storage) => ({
      async stats(params) {
        const stats = await storage.stats(params)
        return { ...stats, backlog: stats.deliveries.pending }
      },
    }),
  },
  {
    name: 'the backlog leaves out what is leased',
    caughtBy: 'backlog',
    breaks: (storage, tables) => ({
      async backlog(params) {
        const backlog = await storage.backlog(params)
        const rows = [...tables.deliveries.values()]
        const leased = rows.filter(({ record }) => record.leaseToken !== null)
        const count = backlog.deliveries.count - leased.length
        return { ...backlog, deliveries: { ...backlog.deliveries, count } }
      },
    }),
  },
  {
    name: 'an endpoint whose pause is over still counts as paused',
    caughtBy: 'backlog',
    breaks: (storage) => ({ backlog: ({ now }) => storage.backlog({ now: later(now, -1) }) }),
  },
  {
    name: 'pruning deletes what is pending',
    caughtBy: 'pruning',
    breaks: (storage, tables) => ({
      async prune(params) {
        for (const row of tables.deliveries.values()) {
          if (row.record.createdAt < params.before) tables.removeDelivery(row)
        }
        return storage.prune(params)
      },
    }),
  },
  {
    name: 'pruning deletes events that wait for their fan-out',
    caughtBy: 'pruning',
    breaks: (storage, tables) => ({
      async prune(params) {
        for (const row of tables.events.values()) {
          row.waits = false
          tables.fanOutQueue.remove(row)
          tables.noteChildless(row)
        }
        return storage.prune(params)
      },
    }),
  },
  {
    name: 'pruning ignores its limit',
    caughtBy: 'pruning',
    breaks: (storage) => ({ prune: (params) => storage.prune({ ...params, limit: 1_000 }) }),
  },
  {
    name: 'pruning deletes what ended at that very instant',
    caughtBy: 'pruning',
    breaks: (storage) => ({
      prune: (params) => storage.prune({ ...params, before: later(params.before, 1) }),
    }),
  },
  {
    name: 'pruning looks for deliveries first and deletes later',
    caughtBy: 'many at once',
    breaks: (_, tables) => ({
      async prune() {
        const old = [...tables.events.values()].filter(
          ({ deliveries, waits }) => deliveries.size === 0 && !waits,
        )
        await new Promise((resolve) => setImmediate(resolve))
        for (const { id } of old) tables.events.delete(id)
        return { deliveries: 0, events: old.length }
      },
    }),
  },
  {
    name: 'a page by cursor skips as many rows as were added since',
    caughtBy: 'many at once',
    breaks: (storage) => {
      let first: string | undefined
      return {
        async listDeliveries(params) {
          const { items: all } = await storage.listDeliveries({
            ...{ ...params, offset: 0, before: null, limit: 1_000 },
          })
          if (params.before === null) first = all[0]?.id
          const added = Math.max(
            0,
            all.findIndex(({ id }) => id === first),
          )
          const { items, total } = await storage.listDeliveries(params)
          return { items: params.before === null ? items : items.slice(added), total }
        },
      }
    },
  },
  {
    name: 'a delivery is shown to any tenant that knows its id',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      getDelivery: (params) => storage.getDelivery(asOwner(tables, params)),
    }),
  },
  {
    name: 'a list by endpoint shows any tenant’s deliveries',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      listDeliveries: (params) => {
        const owner = tables.endpoints.get(params.endpointId ?? '')?.tenant.id
        return storage.listDeliveries({ ...params, tenantId: owner ?? params.tenantId })
      },
    }),
  },
  {
    name: 'attempts are shown to any tenant that knows the delivery',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      listAttempts: (params) =>
        storage.listAttempts({
          ...params,
          tenantId: tables.deliveries.get(params.deliveryIds[0] ?? '')?.tenant.id ?? '',
        }),
    }),
  },
  {
    name: 'any tenant can re-queue',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      requeueDeliveries: (params) =>
        storage.requeueDeliveries({
          ...params,
          tenantId: tables.deliveries.get(params.ids[0] ?? '')?.tenant.id ?? '',
        }),
    }),
  },
  {
    name: 'any tenant can cancel by endpoint',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      cancelDeliveries: (params) => {
        const endpointId = 'endpointId' in params.which ? params.which.endpointId : ''
        const owner = tables.endpoints.get(endpointId)?.tenant.id
        return storage.cancelDeliveries({ ...params, tenantId: owner ?? params.tenantId })
      },
    }),
  },
  {
    name: 'any tenant can delete an endpoint',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      deleteEndpoint: (params) =>
        storage.deleteEndpoint({
          ...params,
          tenantId: tables.endpoints.get(params.id)?.tenant.id ?? '',
        }),
    }),
  },
  {
    name: 'stats of an endpoint are told to any tenant',
    caughtBy: 'another tenant',
    breaks: (storage, tables) => ({
      stats: (params) => {
        const owner = tables.endpoints.get(params.endpointId ?? '')?.tenant.id
        return storage.stats({ ...params, tenantId: owner ?? params.tenantId })
      },
    }),
  },
  {
    name: 'text ends at U+0000',
    caughtBy: 'odd text',
    breaks: (storage) => changingBodies(storage, (body) => body.split('\u0000')[0] ?? ''),
  },
  {
    name: 'text ends at 64 KiB',
    caughtBy: 'odd text',
    breaks: (storage) => changingBodies(storage, (body) => body.slice(0, 65_536)),
  },
  {
    name: 'text is trimmed',
    caughtBy: 'odd text',
    breaks: (storage) => changingBodies(storage, (body) => body.trim()),
  },
  {
    name: 'text is normalised',
    caughtBy: 'odd text',
    breaks: (storage) => changingBodies(storage, (body) => body.normalize()),
  },
  {
    name: 'a batch beyond 1,000 loses its end',
    caughtBy: 'batches of 2000',
    breaks: (storage) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({ now, settlements: settlements.slice(0, 1_000) }),
    }),
  },
]

function asOwner(tables: Tables, { id }: { id: string }): { tenantId: string; id: string } {
  return { tenantId: tables.deliveries.get(id)?.tenant.id ?? '', id }
}

function changingBodies(storage: Storage, change: (body: string) => string): Partial<Storage> {
  return {
    insertEvents: (params) =>
      storage.insertEvents({
        events: params.events.map((event) => ({ ...event, body: change(event.body) })),
      }),
  }
}
