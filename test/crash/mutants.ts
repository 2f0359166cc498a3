/**
 * Broken engines, to show that the crash tests can fail: each mutant is a mistake that a storage
 * adapter could make.
 */
import { DatabaseSync } from 'node:sqlite'
import type { PostgresTransaction } from '../../src/storage/postgres/index.ts'
import type { Settlement, Storage } from '../../src/storage/storage.ts'
import { override, type Ports } from './ports.ts'

const never = new Date('2100-01-01T00:00:00Z')

const reformatted = <Event extends { body: string }>(event: Event): Event => ({
  ...event,
  body: `${event.body} `,
})

type Break = (storage: Storage<unknown>) => Partial<Storage<unknown>>

const mutants = {
  /** Says that an event is stored before it is. */
  emitsTooEarly: (storage) => ({
    async insertEvents(params) {
      if (params.transaction !== undefined) return storage.insertEvents(params)
      setTimeout(() => void storage.insertEvents(params).catch(() => {}), 50)
      return params.events.map(({ id, createdAt }) => ({
        ...{ id, createdAt, position: 1, inserted: true },
      }))
    },
  }),
  /** Commits the caller's transaction with the event. */
  commitsForTheCaller: (storage) => ({
    async insertEvents(params) {
      const inserted = await storage.insertEvents(params)
      for (const sql of ['COMMIT', 'BEGIN']) await runOn(params.transaction, sql)
      return inserted
    },
  }),
  /** Claims deliveries for ever: what a dead worker held is nobody's any more. */
  claimsForEver: (storage) => ({
    claimDeliveries: (params) => storage.claimDeliveries({ ...params, leaseUntil: never }),
    fanOut: (params) =>
      storage.fanOut({
        ...params,
        results: params.results.map((result) => ({
          ...result,
          deliveries: result.deliveries.map((delivery) =>
            delivery.leaseToken === null ? delivery : { ...delivery, dueAt: never },
          ),
        })),
      }),
  }),
  /** The same for events that wait for their fan-out. */
  fansOutForEver: (storage) => ({
    insertEvents: ({ events, ...params }) =>
      storage.insertEvents({
        ...params,
        events: events.map((event) =>
          event.lease === null ? event : { ...event, lease: { ...event.lease, leaseUntil: never } },
        ),
      }),
    claimEvents: (params) => storage.claimEvents({ ...params, leaseUntil: never }),
  }),
  /** Says that an attempt is settled before it is. */
  settlesTooEarly: (storage) => ({
    async settleDeliveries(params) {
      setTimeout(() => void storage.settleDeliveries(params).catch(() => {}), 50)
      return params.settlements.map(({ id }) => id)
    },
    async fanOut({ settlements = [], ...params }) {
      const answer = await storage.fanOut(params)
      const { now } = params
      if (settlements.length === 0) return answer
      setTimeout(() => void storage.settleDeliveries({ now, settlements }).catch(() => {}), 50)
      return { ...answer, settled: settlements.map(({ id }) => id) }
    },
  }),
  /** Ends the wait for the fan-out before deliveries are written that nobody has sent yet. */
  fansOutInTwoSteps: (storage) => ({
    async fanOut({ now, results, settlements = [] }) {
      if (settlements.length > 0) return storage.fanOut({ now, results, settlements })
      const nothing = results.map((result) => ({ ...result, deliveries: [] }))
      const { events } = await storage.fanOut({ now, results: nothing })
      const deliveries = results.flatMap((result) => result.deliveries)
      const isOurs = ({ eventId }: { eventId: string }) => events.includes(eventId)
      await storage.insertDeliveries({ deliveries: deliveries.filter(isOurs) })
      return { events, settled: [] }
    },
  }),
  /** Stores other bytes than were given, and hands out others than were stored. */
  reformatsBodies: (storage) => ({
    insertEvents: ({ events, ...params }) =>
      storage.insertEvents({ ...params, events: events.map(reformatted) }),
    async claimDeliveries(params) {
      const claimed = await storage.claimDeliveries(params)
      return { ...claimed, events: claimed.events.map(reformatted) }
    },
    async claimEvents(params) {
      return (await storage.claimEvents(params)).map(reformatted)
    },
  }),
  /** Counts an attempt before it is numbered. */
  miscountsAttempts: (storage) => ({
    settleDeliveries: ({ now, settlements }) =>
      storage.settleDeliveries({ now, settlements: settlements.map(miscounted) }),
    fanOut: ({ settlements = [], ...params }) =>
      storage.fanOut({ ...params, settlements: settlements.map(miscounted) }),
  }),
} satisfies Record<string, Break>

export type Mutant = keyof typeof mutants

/** The ports of an engine with that mistake. */
export function breakPorts<Parts extends Ports>(mutant: Mutant, parts: Parts): Parts {
  return { ...parts, storage: override(parts.storage, mutants[mutant](parts.storage)) }
}

async function runOn(transaction: unknown, sql: string): Promise<void> {
  if (transaction instanceof DatabaseSync) transaction.exec(sql)
  else await (transaction as PostgresTransaction | undefined)?.query(sql, [])
}

function miscounted(settlement: Settlement): Settlement {
  return {
    ...settlement,
    attempt: { ...settlement.attempt, number: settlement.attempts + 1 },
  }
}
