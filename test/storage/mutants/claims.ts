import type { RateLimit } from '../../../src/model.ts'
import type { DeliveryRow } from '../../../src/storage/memory/rows.ts'
import { copyDelivery, type Tables } from '../../../src/storage/memory/tables.ts'
import { TokenBucket } from '../../../src/storage/memory/token-bucket.ts'
import type { EndpointRecord, Storage } from '../../../src/storage/storage.ts'
import { later, type Mutant, shared, showingEndpoints } from './mutant.ts'

const decade = 10 * 365 * 86_400_000

export const claimMutants: Mutant[] = [
  {
    name: 'two claims at once share deliveries',
    caughtBy: 'a claim',
    breaks: (storage) => ({ claimDeliveries: shared(storage.claimDeliveries) }),
  },
  {
    name: 'a claim takes what is due a millisecond later',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      claimDeliveries: (params) =>
        storage.claimDeliveries({ ...params, now: later(params.now, 1) }),
    }),
  },
  {
    name: 'a claim leaves what is due at that very instant',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      claimDeliveries: (params) =>
        storage.claimDeliveries({ ...params, now: later(params.now, -1) }),
    }),
  },
  {
    name: 'a claim goes by its own clock',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      claimDeliveries: (params) => storage.claimDeliveries({ ...params, now: new Date() }),
    }),
  },
  {
    name: 'a claim takes one more than its limit',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      claimDeliveries: (params) => storage.claimDeliveries({ ...params, limit: params.limit + 1 }),
    }),
  },
  {
    name: 'a claim repeats an event for each of its deliveries',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      async claimDeliveries(params) {
        const claim = await storage.claimDeliveries(params)
        const events = claim.deliveries
          .map(({ eventId }) => claim.events.find(({ id }) => id === eventId))
          .filter((event) => event !== undefined)
        return { ...claim, events }
      },
    }),
  },
  {
    name: 'a claim keeps its token to itself',
    caughtBy: 'a claim',
    breaks: (storage, tables) => ({
      async claimDeliveries(params) {
        const claim = await storage.claimDeliveries(params)
        for (const { id } of claim.deliveries) {
          const row = tables.deliveries.get(id)
          if (row) row.record.leaseToken = null
        }
        return claim
      },
    }),
  },
  {
    name: 'a claim skips deliveries of deleted endpoints',
    caughtBy: 'a claim',
    breaks: (storage) => ({
      async claimDeliveries(params) {
        const claim = await storage.claimDeliveries(params)
        const known = new Set(claim.endpoints.map(({ id }) => id))
        const deliveries = claim.deliveries.filter(({ endpointId }) => known.has(endpointId))
        return { ...claim, deliveries }
      },
    }),
  },
  {
    name: 'a lease never ends',
    caughtBy: 'a lease',
    breaks: (storage, tables) => ({
      async claimDeliveries(params) {
        const claim = await storage.claimDeliveries(params)
        for (const { id } of claim.deliveries) {
          const row = tables.deliveries.get(id)
          if (row) tables.deliveryQueue.wait(row, params.leaseUntil.getTime() + decade)
        }
        return claim
      },
    }),
  },
  {
    name: 'the lease of an event never ends',
    caughtBy: 'events that wait for their fan-out',
    breaks: (storage) => ({
      claimEvents: (params) =>
        storage.claimEvents({ ...params, leaseUntil: later(params.leaseUntil, decade) }),
    }),
  },
  {
    name: 'two claims at once share events',
    caughtBy: 'events that wait for their fan-out',
    breaks: (storage) => ({ claimEvents: shared(storage.claimEvents) }),
  },
  {
    name: 'a lease is renewed for whoever asks',
    caughtBy: 'a lease',
    breaks: (storage, tables) => ({
      renewLeases: ({ leases, leaseUntil }) =>
        storage.renewLeases({ leases: withCurrentTokens(tables, leases), leaseUntil }),
    }),
  },
  {
    name: 'a renewed lease ends when it would have ended',
    caughtBy: 'a lease',
    breaks: () => ({ renewLeases: async ({ leases }) => leases.map(({ id }) => id) }),
  },
  {
    name: 'anybody can give a lease back',
    caughtBy: 'a lease',
    breaks: (storage, tables) => ({
      releaseDeliveries: ({ leases, now }) =>
        storage.releaseDeliveries({ leases: withCurrentTokens(tables, leases), now }),
    }),
  },
  {
    name: 'giving a lease back counts as an attempt',
    caughtBy: 'a lease',
    breaks: (storage, tables) => ({
      async releaseDeliveries(params) {
        await storage.releaseDeliveries(params)
        for (const { id } of params.leases) {
          const row = tables.deliveries.get(id)
          if (row) row.record.attempts += 1
        }
      },
    }),
  },
  {
    name: 'the cap per endpoint is ignored',
    caughtBy: 'the cap per endpoint',
    breaks: (storage) => ({
      claimDeliveries: (params) => storage.claimDeliveries({ ...params, perEndpoint: 1_000 }),
    }),
  },
  {
    name: 'what is in flight is not counted',
    caughtBy: 'the cap per endpoint',
    breaks: (storage) => ({
      claimDeliveries: (params) => storage.claimDeliveries({ ...params, inFlight: new Map() }),
    }),
  },
  {
    name: 'whoever claims has a probe of its own',
    caughtBy: 'a probe',
    breaks: (storage, tables) => ({
      async claimDeliveries(params) {
        endProbes(tables)
        return storage.claimDeliveries(params)
      },
    }),
  },
  {
    name: 'a failing endpoint is probed by as many as fit',
    caughtBy: 'a probe',
    breaks: (storage) => ({
      claimDeliveries: (params) =>
        storage.claimDeliveries({ ...params, probeFrom: Number.POSITIVE_INFINITY }),
    }),
  },
  {
    name: 'whatever ends is taken for the probe',
    caughtBy: 'a probe',
    breaks: (storage, tables) => ({
      async recordHealth(params) {
        endProbes(tables)
        return storage.recordHealth(params)
      },
    }),
  },
  {
    name: 'a probe ends with its lease alone',
    caughtBy: 'a probe',
    breaks: (storage) => ({
      recordHealth: ({ changes }) =>
        storage.recordHealth({ changes: changes.map((each) => ({ ...each, leaseTokens: [] })) }),
    }),
  },
  {
    name: 'a pause is shown and not kept',
    caughtBy: 'a paused endpoint',
    breaks: (storage) => {
      const pauses = new Map<string, Date>()
      const showing = showingEndpoints(storage, (endpoint) => ({
        ...endpoint,
        pausedUntil: pauses.get(endpoint.id) ?? null,
      }))
      return {
        ...showing,
        async recordHealth({ changes }) {
          for (const { endpointId, pausedUntil } of changes) {
            if (pausedUntil) pauses.set(endpointId, pausedUntil)
          }
          return storage.recordHealth({
            changes: changes.map((change) => ({ ...change, pausedUntil: null })),
          })
        },
      }
    },
  },
  {
    name: 'a rate limit is shown and not kept',
    caughtBy: 'a rate limit',
    breaks: (storage, tables) => ({
      async claimDeliveries(params) {
        replaceBuckets(tables, () => null)
        return storage.claimDeliveries(params)
      },
    }),
  },
  {
    name: 'a rate limit starts anew with each interval',
    caughtBy: 'a rate limit',
    breaks: (storage, tables) => ({
      async claimDeliveries(params) {
        replaceBuckets(tables, (bucket, { rateLimit }) =>
          bucket instanceof Window || rateLimit === null ? bucket : new Window(rateLimit),
        )
        return storage.claimDeliveries(params)
      },
    }),
  },
  {
    name: 'whoever waits longest goes first, whatever the tenant',
    caughtBy: 'turns',
    breaks: (_, tables) => naiveClaim(tables, () => 0),
  },
  {
    name: 'turns start anew with each claim',
    caughtBy: 'turns',
    breaks: (_, tables) =>
      naiveClaim(tables, (row, rows) =>
        rows.filter(({ tenant }) => tenant === row.tenant).indexOf(row),
      ),
  },
  {
    name: 'tenants take turns, but their endpoints do not',
    caughtBy: 'turns',
    breaks: (_, tables) =>
      naiveClaim(tables, (row, rows) =>
        rows.filter(({ endpoint }) => endpoint === row.endpoint).indexOf(row),
      ),
  },
  {
    name: 'waiting events go by position alone',
    caughtBy: 'turns',
    breaks: (storage, tables) => ({
      async claimEvents(params) {
        const due = await storage.claimEvents({ ...params, limit: 100_000 })
        const sorted = due.toSorted((a, b) => a.position - b.position)
        for (const { id } of sorted.slice(params.limit)) {
          const row = tables.events.get(id)
          if (row) tables.fanOutQueue.wait(row, Number.NEGATIVE_INFINITY)
        }
        return sorted.slice(0, params.limit)
      },
    }),
  },
]

function withCurrentTokens(tables: Tables, leases: { id: string }[]) {
  return leases.map(({ id }) => ({
    id,
    leaseToken: tables.deliveries.get(id)?.record.leaseToken ?? '',
  }))
}

/** So many per interval, and none before the next one: lets twice as many through at its edge. */
class Window extends TokenBucket {
  readonly #rateLimit: RateLimit
  #end = 0
  #taken = 0

  constructor(rateLimit: RateLimit) {
    super(rateLimit)
    this.#rateLimit = rateLimit
  }

  override availableAt(): number {
    return this.#taken < this.#rateLimit.limit ? 0 : this.#end
  }

  override take(now: number): void {
    if (now >= this.#end) {
      this.#taken = 0
      this.#end = now + this.#rateLimit.intervalMs
    }
    this.#taken += 1
  }
}

function replaceBuckets(
  tables: Tables,
  replace: (bucket: TokenBucket | null, endpoint: EndpointRecord) => TokenBucket | null,
): void {
  for (const row of tables.endpoints.values()) {
    row.bucket = replace(row.bucket, row.record)
    tables.deliveryQueue.reconsider(row)
  }
}

function endProbes(tables: Tables): void {
  for (const row of tables.endpoints.values()) {
    row.probe = null
    tables.deliveryQueue.reconsider(row)
  }
}

/** A claim as one sorted list: right but for who comes first. */
function naiveClaim(
  tables: Tables,
  rankOf: (row: DeliveryRow, due: DeliveryRow[]) => number,
): Partial<Storage> {
  return {
    async claimDeliveries({ now, leaseToken, leaseUntil, limit, perEndpoint, inFlight }) {
      const due = [...tables.deliveries.values()]
        .filter(({ record: { dueAt } }) => dueAt !== null && dueAt <= now)
        .filter(({ endpoint: { record } }) => (record.pausedUntil ?? now) <= now)
        .sort((a, b) => a.orderedBy - b.orderedBy)
      const ranks = new Map(due.map((row) => [row, rankOf(row, due)]))
      const taken: DeliveryRow[] = []
      for (const row of due.toSorted((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0))) {
        const { id, bucket } = row.endpoint
        const own = taken.filter(({ endpoint }) => endpoint.id === id).length
        const isFull = own + (inFlight.get(id) ?? 0) >= perEndpoint
        const isThrottled = bucket !== null && bucket.availableAt() > now.getTime()
        if (taken.length >= limit || isFull || isThrottled) continue
        bucket?.take(now.getTime())
        tables.schedule(row, leaseUntil, leaseToken)
        taken.push(row)
      }
      return { deliveries: taken.map(copyDelivery), events: [], endpoints: [] }
    },
  }
}
