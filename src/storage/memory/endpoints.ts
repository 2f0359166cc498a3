import type { EndpointRecord, EndpointSettings, HealthChange, Storage } from '../storage.ts'
import { Heap } from './heap.ts'
import { listPage } from './lists.ts'
import { byOrder, type EndpointRow, tenantIn } from './rows.ts'
import { SortedList } from './sorted-list.ts'
import { copyEndpoint, readEndpoints, type Tables } from './tables.ts'
import { TokenBucket } from './token-bucket.ts'

type EndpointMethods = Pick<
  Storage,
  | 'listSubscribers'
  | 'insertEndpoint'
  | 'updateEndpoint'
  | 'deleteEndpoint'
  | 'getEndpoint'
  | 'listEndpoints'
  | 'listAllEndpoints'
  | 'recordHealth'
>

export function endpointMethods(tables: Tables): EndpointMethods {
  /** The tenant's endpoint, unless deleted. */
  function find(tenantId: string, id: string): EndpointRow | undefined {
    const row = tables.endpoints.get(id)
    return row?.tenant.id === tenantId && row.deletedAt === null ? row : undefined
  }

  return {
    async listSubscribers({ tenantId, position, emittedAt, after, limit }) {
      const found: EndpointRow[] = []
      for (const row of tables.tenants.get(tenantId)?.endpoints.ascending(after) ?? []) {
        if (found.length >= limit) break
        if (row.record.activePosition < position && wasActive(row, emittedAt)) found.push(row)
      }
      return readEndpoints(found)
    },

    async insertEndpoint({ endpoint }) {
      const repeated = tables.endpoints.get(endpoint.id)
      if (repeated !== undefined) return copyEndpoint(repeated)
      const tenant = tenantIn(tables.tenants, endpoint.tenantId)
      const row: EndpointRow = {
        id: endpoint.id,
        record: {
          ...structuredClone(endpoint),
          pausedUntil: null,
          failingSince: null,
          failedAttempts: 0,
          activePosition: tables.position,
          version: 1,
          updatedAt: endpoint.createdAt,
        },
        tenant,
        deletedAt: null,
        bucket: endpoint.rateLimit && new TokenBucket(endpoint.rateLimit),
        probe: null,
        pending: new Heap(byOrder),
        deliveries: new SortedList(),
        readyAt: 0,
        queued: false,
        heap: null,
        heapIndex: 0,
      }
      tables.endpoints.set(row.id, row)
      tenant.endpoints.add(row)
      return copyEndpoint(row)
    },

    async updateEndpoint({ tenantId, id, changes, now, ifVersion }) {
      const row = find(tenantId, id)
      if (row === undefined) return null
      if (ifVersion !== undefined && ifVersion !== row.record.version) return 'version_mismatch'
      const given = withoutUndefined(structuredClone(changes))
      if (given.active === true && !row.record.active) {
        const clean = { pausedUntil: null, failingSince: null, failedAttempts: 0 }
        Object.assign(row.record, clean, { activePosition: tables.position })
        row.probe = null
      }
      Object.assign(row.record, given, { version: row.record.version + 1, updatedAt: now })
      if (given.rateLimit !== undefined) {
        row.bucket = given.rateLimit && new TokenBucket(given.rateLimit)
      }
      tables.deliveryQueue.reconsider(row)
      return copyEndpoint(row)
    },

    async deleteEndpoint({ tenantId, id, now }) {
      const row = find(tenantId, id)
      if (row === undefined) return false
      row.record = { ...row.record, secrets: [], headers: {} }
      row.deletedAt = now.getTime()
      row.tenant.endpoints.delete(row)
      tables.deletedEndpoints.add(row)
      return true
    },

    async getEndpoint({ tenantId, id }) {
      const row = find(tenantId, id)
      return row === undefined ? null : copyEndpoint(row)
    },

    async listEndpoints({ tenantId, active, ...page }) {
      const conditions = [
        active !== undefined && ((row: EndpointRow) => row.record.active === active),
      ]
      return listPage(tables.tenants.get(tenantId)?.endpoints, conditions, page, copyEndpoint)
    },

    async listAllEndpoints({ after, limit }) {
      return [...tables.endpoints.values()]
        .filter(({ id, deletedAt }) => deletedAt === null && (after === null || id > after))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(copyEndpoint)
    },

    async recordHealth({ changes }) {
      const changed = new Set<EndpointRow>()
      for (const change of changes) {
        const row = tables.endpoints.get(change.endpointId)
        if (row === undefined || row.deletedAt !== null) continue
        applyHealth(row.record, change)
        const { probe } = row
        if (change.succeeded || (probe && change.leaseTokens.includes(probe.leaseToken))) {
          row.probe = null
        }
        tables.deliveryQueue.reconsider(row)
        changed.add(row)
      }
      return [...changed].map(copyEndpoint)
    },
  }
}

function wasActive({ record }: EndpointRow, at: Date): boolean {
  return record.active || (record.disabledAt !== null && record.disabledAt >= at)
}

function withoutUndefined(changes: Partial<EndpointSettings>): Partial<EndpointSettings> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

function applyHealth(record: EndpointRecord, change: HealthChange): void {
  if (change.succeeded) {
    record.failedAttempts = change.failedAttempts
    record.failingSince = change.failedAt
  } else {
    record.failedAttempts += change.failedAttempts
    record.failingSince ??= change.failedAt
  }
  const { pausedUntil } = change
  if (pausedUntil === null) return
  if (record.pausedUntil === null || pausedUntil > record.pausedUntil) {
    record.pausedUntil = pausedUntil
  }
}
