import type { Storage } from '../../../src/storage/storage.ts'
import { later, type Mutant } from './mutant.ts'

export const eventMutants: Mutant[] = [
  {
    name: 'a claim of events forgets their trace context',
    caughtBy: 'events',
    breaks: (storage) => ({
      async claimEvents(params) {
        const events = await storage.claimEvents(params)
        return events.map((event) => ({ ...event, traceparent: null }))
      },
    }),
  },
  {
    name: 'positions are those of the tenant',
    caughtBy: 'events',
    breaks: (storage) => {
      const positions = new Map<string, number>()
      const counts = new Map<string, number>()
      return {
        async insertEvents(params) {
          for (const { id, tenantId } of params.events) {
            counts.set(tenantId, (counts.get(tenantId) ?? 0) + 1)
            positions.set(id, counts.get(tenantId) ?? 0)
          }
          return storage.insertEvents(params)
        },
        async getEvents(params) {
          const events = await storage.getEvents(params)
          return events.map((event) => ({ ...event, position: positions.get(event.id) ?? 0 }))
        },
      }
    },
  },
  {
    name: 'instants lose their milliseconds',
    caughtBy: 'events',
    breaks: (storage) => ({
      insertEvents: (params) =>
        storage.insertEvents({
          ...params,
          events: params.events.map((event) => ({
            ...event,
            createdAt: new Date(Math.floor(event.createdAt.getTime() / 1_000) * 1_000),
          })),
        }),
    }),
  },
  {
    name: 'the idempotency key is kept and ignored',
    caughtBy: 'idempotency',
    breaks: (storage) => insertingOneByOne(storage, { forgetting: true }),
  },
  {
    name: 'the idempotency key is ignored within a list',
    caughtBy: 'idempotency',
    breaks: (storage) => ({
      async insertEvents(params) {
        const seen = new Set<string>()
        const events = params.events.map((event) => {
          const isRepeated = seen.has(event.idempotencyKey ?? '')
          seen.add(event.idempotencyKey ?? '')
          return isRepeated ? { ...event, idempotencyKey: `${event.idempotencyKey} again` } : event
        })
        return storage.insertEvents({ ...params, events })
      },
    }),
  },
  {
    name: 'the idempotency key is looked up before it is written, with a pause between',
    caughtBy: 'idempotency',
    breaks: (storage) => insertingOneByOne(storage, { forgetting: false }),
  },
  {
    name: 'the idempotency key is shared by all tenants',
    caughtBy: 'idempotency',
    breaks: (storage) => {
      const standing = new Map<string, { id: string; createdAt: Date }>()
      return {
        async insertEvents(params) {
          const answers = []
          for (const event of params.events) {
            const first = standing.get(event.idempotencyKey ?? '')
            if (event.idempotencyKey !== null && !first) standing.set(event.idempotencyKey, event)
            if (first) answers.push({ ...standsFor(first), inserted: false })
            else answers.push(...(await storage.insertEvents({ events: [event] })))
          }
          return answers
        },
      }
    },
  },
  {
    name: 'a repeated id counts as not inserted',
    caughtBy: 'idempotency',
    breaks: (storage) => {
      const known = new Set<string>()
      return {
        async insertEvents(params) {
          const answers = await storage.insertEvents(params)
          return answers.map((answer) => {
            const isKnown = known.has(answer.id)
            known.add(answer.id)
            return isKnown ? { ...answer, inserted: false } : answer
          })
        },
      }
    },
  },
  {
    name: 'a repeated id starts another fan-out',
    caughtBy: 'idempotency',
    breaks: (storage, tables) => ({
      async insertEvents(params) {
        for (const { id } of params.events) {
          const row = tables.events.get(id)
          if (!row || row.waits) continue
          row.waits = true
          tables.fanOutQueue.wait(row, Number.NEGATIVE_INFINITY)
        }
        return storage.insertEvents(params)
      },
    }),
  },
  {
    name: 'an insert forgets its lease',
    caughtBy: 'events that are inserted under a lease',
    breaks: (storage) => ({
      insertEvents: ({ events }) =>
        storage.insertEvents({ events: events.map((event) => ({ ...event, lease: null })) }),
    }),
  },
  {
    name: 'the lease of an insert never ends',
    caughtBy: 'events that are inserted under a lease',
    breaks: (storage) => ({
      insertEvents: ({ events }) =>
        storage.insertEvents({
          events: events.map(({ lease, ...event }) => {
            const leaseUntil = new Date('2100-01-01T00:00:00Z')
            return { ...event, lease: lease && { ...lease, leaseUntil } }
          }),
        }),
    }),
  },
  {
    name: 'all events of an insert get the lease of its first one',
    caughtBy: 'events that are inserted under a lease',
    breaks: (storage) => ({
      insertEvents: ({ events }) =>
        storage.insertEvents({
          events: events.map((event) => ({ ...event, lease: events[0]?.lease ?? null })),
        }),
    }),
  },
  {
    name: 'an event whose key is taken passes its lease on to the one that stands',
    caughtBy: 'events that are inserted under a lease',
    breaks: (storage, tables) => ({
      async insertEvents(params) {
        const answers = await storage.insertEvents(params)
        answers.forEach(({ id, inserted }, index) => {
          const row = tables.events.get(id)
          if (row && !inserted) row.leaseToken = params.events[index]?.lease?.leaseToken ?? null
        })
        return answers
      },
    }),
  },
  {
    name: 'the end of one event’s wait ends that of all under its token',
    caughtBy: 'events that are inserted under a lease',
    breaks: (storage, tables) => ({
      async fanOut(params) {
        const answer = await storage.fanOut(params)
        const tokens = new Set(params.results.map(({ leaseToken }) => leaseToken))
        for (const row of tables.events.values()) {
          if (row.leaseToken === null || !tokens.has(row.leaseToken)) continue
          tables.fanOutQueue.remove(row)
          row.waits = false
        }
        return answer
      },
    }),
  },
  {
    name: 'an insert answers with the position of the one before',
    caughtBy: 'events',
    breaks: (storage) => ({
      async insertEvents(params) {
        const answers = await storage.insertEvents(params)
        return answers.map(({ position, ...answer }) => ({ ...answer, position: position - 1 }))
      },
    }),
  },
  {
    name: 'fan-out is not fenced',
    caughtBy: 'fan-out',
    breaks: (storage, tables) => ({
      async fanOut(params) {
        const results = params.results.map((result) => ({
          ...result,
          leaseToken: tables.events.get(result.eventId)?.leaseToken ?? 'none',
        }))
        return storage.fanOut({ ...params, results })
      },
    }),
  },
  {
    name: 'a fan-out done twice makes its deliveries twice',
    caughtBy: 'fan-out',
    breaks: (storage, tables) => ({
      async fanOut(params) {
        for (const { eventId } of params.results) tables.events.get(eventId)?.deliveries.clear()
        return storage.fanOut(params)
      },
    }),
  },
  {
    name: 'a fan-out leases nothing',
    caughtBy: 'a fan-out of what is on its way already',
    breaks: (storage) => ({
      async fanOut(params) {
        const results = params.results.map(({ deliveries, ...result }) => ({
          ...result,
          deliveries: deliveries.map((delivery) => ({ ...delivery, leaseToken: null })),
        }))
        return storage.fanOut({ ...params, results })
      },
    }),
  },
  {
    name: 'a fan-out settles nothing, and says that it did',
    caughtBy: 'a fan-out of what is on its way already',
    breaks: (storage) => ({
      async fanOut({ settlements = [], ...params }) {
        return { ...(await storage.fanOut(params)), settled: settlements.map(({ id }) => id) }
      },
    }),
  },
  {
    name: 'a fan-out names as settled what existed already',
    caughtBy: 'a fan-out of what is on its way already',
    breaks: (storage) => ({
      async fanOut(params) {
        const answer = await storage.fanOut(params)
        return { ...answer, settled: (params.settlements ?? []).map(({ id }) => id) }
      },
    }),
  },
  {
    name: 'a fan-out settles under any token',
    caughtBy: 'a fan-out of what is on its way already',
    breaks: (storage) => ({
      fanOut: ({ settlements = [], ...params }) =>
        storage.fanOut({
          ...params,
          settlements: settlements.map((settlement) => {
            const deliveries = params.results.flatMap((result) => result.deliveries)
            const added = deliveries.find(({ id }) => id === settlement.id)
            return { ...settlement, leaseToken: added?.leaseToken ?? settlement.leaseToken }
          }),
        }),
    }),
  },
  {
    name: 'what a fan-out settles has no attempt',
    caughtBy: 'a fan-out of what is on its way already',
    breaks: (storage, tables) => ({
      async fanOut(params) {
        const answer = await storage.fanOut(params)
        for (const id of answer.settled) tables.deliveries.get(id)?.attempts.pop()
        return answer
      },
    }),
  },
  {
    name: 'the first part of a fan-out ends the wait',
    caughtBy: 'fan-out',
    breaks: (storage) => ({
      fanOut: (params) =>
        storage.fanOut({
          ...params,
          results: params.results.map((result) => ({ ...result, done: true })),
        }),
    }),
  },
  {
    name: 'a fan-out without deliveries does not end the wait',
    caughtBy: 'fan-out',
    breaks: (storage) => ({
      fanOut: (params) =>
        storage.fanOut({
          ...params,
          results: params.results.map((result) => ({
            ...result,
            done: result.done && result.deliveries.length > 0,
          })),
        }),
    }),
  },
  {
    name: 'an expired lease does not count although nobody took over',
    caughtBy: 'fan-out',
    breaks: (storage, tables) => ({
      fanOut: (params) =>
        storage.fanOut({
          ...params,
          results: params.results.filter(
            ({ eventId }) => (tables.events.get(eventId)?.dueAt ?? 0) > params.now.getTime(),
          ),
        }),
    }),
  },
  {
    name: 'events are given back by anybody',
    caughtBy: 'events that wait for their fan-out',
    breaks: (storage, tables) => ({
      releaseEvents: ({ leases, now }) =>
        storage.releaseEvents({
          now,
          leases: leases.map(({ id }) => ({
            id,
            leaseToken: tables.events.get(id)?.leaseToken ?? '',
          })),
        }),
    }),
  },
  {
    name: 'an endpoint receives what was emitted before it was there',
    caughtBy: 'subscribers of an event',
    breaks: (storage) => ({
      listSubscribers: (params) => storage.listSubscribers({ ...params, position: 1_000_000 }),
    }),
  },
  {
    name: 'an endpoint misses the first event after it was made',
    caughtBy: 'subscribers of an event',
    breaks: (storage) => ({
      listSubscribers: (params) =>
        storage.listSubscribers({ ...params, position: params.position - 1 }),
    }),
  },
  {
    name: 'whoever was ever switched off counts as subscribed',
    caughtBy: 'subscribers of an event',
    breaks: (storage) => ({
      listSubscribers: (params) => storage.listSubscribers({ ...params, emittedAt: new Date(0) }),
    }),
  },
  {
    name: 'leases that were seen to end have ended for good',
    caughtBy: 'a clock that goes backwards',
    breaks: (storage) => {
      let newest = new Date(0)
      const neverBack = (now: Date) => {
        newest = now > newest ? now : newest
        return newest
      }
      return {
        claimEvents: (params) => storage.claimEvents({ ...params, now: neverBack(params.now) }),
      }
    },
  },
  {
    name: 'an event that is given back waits a second more',
    caughtBy: 'events that wait for their fan-out',
    breaks: (storage, tables) => ({
      async releaseEvents(params) {
        await storage.releaseEvents(params)
        for (const { id } of params.leases) {
          const row = tables.events.get(id)
          if (row) tables.fanOutQueue.wait(row, later(params.now, 1_000).getTime())
        }
      },
    }),
  },
]

/** What is told of an event that stands; its position is none of what these mutants are about. */
function standsFor({ id, createdAt }: { id: string; createdAt: Date }) {
  return { id, createdAt, position: 1 }
}

/** Looks each key up first, in a list of its own, and writes under a key of its own. */
function insertingOneByOne(
  storage: Storage,
  { forgetting }: { forgetting: boolean },
): Partial<Storage> {
  const standing = new Map<string, { id: string; createdAt: Date }>()
  const keys = new Map<string, string | null>()
  return {
    async insertEvents(params) {
      const answers = []
      for (const event of params.events) {
        const key = JSON.stringify([event.tenantId, event.idempotencyKey])
        const first = forgetting || event.idempotencyKey === null ? undefined : standing.get(key)
        await new Promise((resolve) => setImmediate(resolve))
        if (first && first.id !== event.id) {
          answers.push({ ...standsFor(first), inserted: false })
          continue
        }
        standing.set(key, { id: event.id, createdAt: event.createdAt })
        keys.set(event.id, event.idempotencyKey)
        const keyless = { ...event, idempotencyKey: null }
        answers.push(...(await storage.insertEvents({ events: [keyless] })))
      }
      return answers
    },
    async getEvents(params) {
      const events = await storage.getEvents(params)
      return events.map((event) => ({ ...event, idempotencyKey: keys.get(event.id) ?? null }))
    },
  }
}
