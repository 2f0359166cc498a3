import { assemble } from '../../../src/storage/memory/assemble.ts'
import { Tables } from '../../../src/storage/memory/tables.ts'
import type { EndpointRecord, Storage } from '../../../src/storage/storage.ts'

/** A storage with one thing wrong. */
export interface Mutant {
  /** What is wrong with it. */
  name: string
  /** The part of the suite that has to notice: the name of a `describe`. */
  caughtBy: string
  /** What it does otherwise than the true storage, whose methods and tables are given. */
  breaks: (storage: Storage, tables: Tables) => Partial<Storage>
}

/** A fresh storage, broken as the mutant says. */
export function createMutant({ breaks }: Mutant): Storage {
  const tables = new Tables()
  const storage = assemble(tables)
  return { ...storage, ...breaks(storage, tables) }
}

/** Changes every endpoint that a storage hands out. */
export function showingEndpoints(
  storage: Storage,
  show: (endpoint: EndpointRecord) => EndpointRecord,
): Partial<Storage> {
  return {
    async insertEndpoint(params) {
      return show(await storage.insertEndpoint(params))
    },
    async getEndpoint(params) {
      const endpoint = await storage.getEndpoint(params)
      return endpoint && show(endpoint)
    },
    async updateEndpoint(params) {
      const endpoint = await storage.updateEndpoint(params)
      return endpoint === null || endpoint === 'version_mismatch' ? endpoint : show(endpoint)
    },
    async recordHealth(params) {
      return (await storage.recordHealth(params)).map(show)
    },
    async listEndpoints(params) {
      const { items, total } = await storage.listEndpoints(params)
      return { items: items.map(show), total }
    },
    async listSubscribers(params) {
      return (await storage.listSubscribers(params)).map(show)
    },
    async claimDeliveries(params) {
      const claim = await storage.claimDeliveries(params)
      return { ...claim, endpoints: claim.endpoints.map(show) }
    },
  }
}

/** Lets calls made at the same time share one answer, as reading and then writing would. */
export function shared<Params, Answer>(
  method: (params: Params) => Promise<Answer>,
): (params: Params) => Promise<Answer> {
  let underWay: Promise<Answer> | null = null
  return (params) => {
    underWay ??= method(params).finally(() => {
      setImmediate(() => {
        underWay = null
      })
    })
    return underWay
  }
}

export function later(instant: Date, ms: number): Date {
  return new Date(instant.getTime() + ms)
}
