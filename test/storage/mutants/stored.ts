import { assemble } from '../../../src/storage/memory/assemble.ts'
import { Tables } from '../../../src/storage/memory/tables.ts'
import type { RawRows, StorageFixture } from '../../../src/testing/index.ts'
import { readRawMemory } from './raw-memory.ts'

/**
 * A storage that answers every call truly, from what its process remembers, while its store holds
 * something else. No test that asks the storage can tell.
 */
export interface StoredMutant {
  name: string
  /**
   * What the store holds where the process knows `rows`. Called after each call of a method;
   * `stored` is what it held before.
   */
  stores: (rows: RawRows, stored: RawRows) => RawRows
}

const nothing: RawRows = { events: [], endpoints: [], deliveries: [], attempts: [] }

export function createStoredFixture({ stores }: StoredMutant): StorageFixture {
  const tables = new Tables()
  let stored = nothing
  const storage = new Proxy(assemble(tables), {
    get(methods, name) {
      const method = Reflect.get(methods, name)
      if (typeof method !== 'function') return method
      return async (params: unknown) => {
        const answer = await method(params)
        stored = stores(readRawMemory(tables), stored)
        return answer
      }
    },
  })
  return { storage, readRaw: async () => structuredClone(stored), close() {} }
}

/** The rows of before, where they still exist. */
function onlyKnown<Row extends { id: string }>(rows: Row[], stored: Row[]): Row[] {
  return rows.map((row) => stored.find(({ id }) => id === row.id) ?? row)
}

function withDeleted<Row extends { id: string }>(rows: Row[], stored: Row[]): Row[] {
  return [...rows, ...stored.filter((row) => !rows.some(({ id }) => id === row.id))]
}

export const storedMutants: StoredMutant[] = [
  { name: 'answers from a cache and writes nothing', stores: () => nothing },
  {
    name: 'writes with the next call',
    stores: (() => {
      let waiting = nothing
      return (rows: RawRows) => {
        const written = waiting
        waiting = rows
        return written
      }
    })(),
  },
  {
    name: 'stores a body written anew',
    stores: (rows) => ({
      ...rows,
      events: rows.events.map((event) => ({ ...event, body: rewritten(event.body) })),
    }),
  },
  {
    name: 'stores text normalised',
    stores: (rows) => ({
      ...rows,
      events: rows.events.map((event) => ({ ...event, body: event.body.normalize() })),
    }),
  },
  { name: 'keeps attempts in memory', stores: (rows) => ({ ...rows, attempts: [] }) },
  {
    name: 'keeps what the receivers answered in memory',
    stores: (rows) => ({
      ...rows,
      attempts: rows.attempts.map((attempt) => ({ ...attempt, responseBody: '' })),
    }),
  },
  {
    name: 'keeps lease tokens in memory',
    stores: (rows) => ({
      ...rows,
      deliveries: rows.deliveries.map((delivery) => ({ ...delivery, leaseToken: null })),
    }),
  },
  {
    name: 'keeps the state of deliveries in memory once they are inserted',
    stores: (rows, stored) => ({
      ...rows,
      deliveries: onlyKnown(rows.deliveries, stored.deliveries),
    }),
  },
  {
    name: 'keeps changes of endpoints in memory',
    stores: (rows, stored) => ({ ...rows, endpoints: onlyKnown(rows.endpoints, stored.endpoints) }),
  },
  {
    name: 'keeps pauses in memory',
    stores: (rows) => ({
      ...rows,
      endpoints: rows.endpoints.map((endpoint) => ({ ...endpoint, pausedUntil: null })),
    }),
  },
  {
    name: 'leaves the secrets of a deleted endpoint in its row',
    stores: (rows, stored) => ({
      ...rows,
      endpoints: rows.endpoints.map((endpoint) => {
        const before = stored.endpoints.find(({ id }) => id === endpoint.id)
        return endpoint.deleted && before ? { ...before, deleted: true } : endpoint
      }),
    }),
  },
  {
    name: 'hides what it prunes, and keeps it',
    stores: (rows, stored) => ({
      ...rows,
      deliveries: withDeleted(rows.deliveries, stored.deliveries),
      attempts: withDeleted(rows.attempts, stored.attempts),
    }),
  },
]

function rewritten(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body))
  } catch {
    return body.trim()
  }
}
