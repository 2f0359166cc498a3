import type { Tables } from '../../../src/storage/memory/tables.ts'
import type { Settlement } from '../../../src/storage/storage.ts'
import { type Mutant, shared } from './mutant.ts'

export const settlingMutants: Mutant[] = [
  {
    name: 'settling is not fenced',
    caughtBy: 'settling',
    breaks: (storage, tables) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({
          now,
          settlements: settlements.map((settlement) => withCurrentToken(tables, settlement)),
        }),
    }),
  },
  {
    name: 'a late settlement is dropped, but its attempt kept',
    caughtBy: 'settling',
    breaks: (storage, tables) => ({
      async settleDeliveries(params) {
        const accepted = await storage.settleDeliveries(params)
        for (const { id, attempt } of params.settlements) {
          if (!accepted.includes(id)) tables.deliveries.get(id)?.attempts.push(attempt)
        }
        return accepted
      },
    }),
  },
  {
    name: 'settlements at the same time overwrite each other',
    caughtBy: 'settling',
    breaks: (storage) => {
      const settle = shared(storage.settleDeliveries)
      return {
        async settleDeliveries(params) {
          await settle(params)
          return params.settlements.map(({ id }) => id)
        },
      }
    },
  },
  {
    name: 'of a batch only the first is written',
    caughtBy: 'settling',
    breaks: (storage) => ({
      async settleDeliveries(params) {
        const [first] = params.settlements
        await storage.settleDeliveries({ ...params, settlements: first ? [first] : [] })
        return params.settlements.map(({ id }) => id)
      },
    }),
  },
  {
    name: 'one late settlement drops its whole batch',
    caughtBy: 'settling',
    breaks: (storage, tables) => ({
      async settleDeliveries(params) {
        const isHeld = ({ id, leaseToken }: Settlement) =>
          tables.deliveries.get(id)?.record.leaseToken === leaseToken
        return params.settlements.every(isHeld) ? storage.settleDeliveries(params) : []
      },
    }),
  },
  {
    name: 'of two settlements in one call the last counts',
    caughtBy: 'settling',
    breaks: (storage) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({ now, settlements: settlements.toReversed() }),
    }),
  },
  {
    name: 'a settled delivery keeps its token',
    caughtBy: 'settling',
    breaks: (storage, tables) => ({
      async settleDeliveries(params) {
        const accepted = await storage.settleDeliveries(params)
        for (const { id, leaseToken } of params.settlements) {
          const row = tables.deliveries.get(id)
          if (row && accepted.includes(id)) row.record.leaseToken = leaseToken
        }
        return accepted
      },
    }),
  },
  {
    name: 'a retry is due at once',
    caughtBy: 'settling',
    breaks: (storage) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({
          now,
          settlements: settlements.map((settlement) => ({
            ...settlement,
            dueAt: settlement.dueAt && new Date(0),
          })),
        }),
    }),
  },
  {
    name: 'attempts are listed newest first',
    caughtBy: 'settling',
    breaks: (storage) => ({
      listAttempts: async (params) => (await storage.listAttempts(params)).toReversed(),
    }),
  },
  {
    name: 'a lease that has ended settles nothing, although nobody took over',
    caughtBy: 'settling',
    breaks: (storage, tables) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({
          now,
          settlements: settlements.filter(({ id, attempt }) => {
            const dueAt = tables.deliveries.get(id)?.record.dueAt
            return dueAt === null || dueAt === undefined || dueAt > attempt.startedAt
          }),
        }),
    }),
  },
  {
    name: 're-queueing leaves final deliveries final',
    caughtBy: 're-queueing',
    breaks: (storage, tables) => ({
      requeueDeliveries: (params) =>
        storage.requeueDeliveries({
          ...params,
          ids: params.ids.filter((id) => tables.deliveries.get(id)?.record.status === 'pending'),
        }),
    }),
  },
  {
    name: 're-queueing takes a live lease away',
    caughtBy: 're-queueing',
    breaks: (storage, tables) => ({
      async requeueDeliveries(params) {
        for (const id of params.ids) {
          const row = tables.deliveries.get(id)
          if (row) row.record.leaseToken = null
        }
        return storage.requeueDeliveries(params)
      },
    }),
  },
  {
    name: 're-queueing leaves the token of a lease that has ended',
    caughtBy: 're-queueing',
    breaks: (storage, tables) => ({
      async requeueDeliveries(params) {
        const tokens = params.ids.map((id) => tables.deliveries.get(id)?.record.leaseToken)
        const changed = await storage.requeueDeliveries(params)
        for (const [index, id] of params.ids.entries()) {
          const row = tables.deliveries.get(id)
          if (row) row.record.leaseToken = tokens[index] ?? null
        }
        return changed
      },
    }),
  },
  {
    name: 're-queueing goes on in the old schedule',
    caughtBy: 're-queueing',
    breaks: (storage, tables) => ({
      async requeueDeliveries(params) {
        const steps = params.ids.map((id) => tables.deliveries.get(id)?.record.step)
        const changed = await storage.requeueDeliveries(params)
        for (const [index, id] of params.ids.entries()) {
          const row = tables.deliveries.get(id)
          if (row) row.record.step = steps[index] ?? 0
        }
        return changed
      },
    }),
  },
  {
    name: 're-queueing forgets how many attempts there were',
    caughtBy: 're-queueing',
    breaks: (storage, tables) => ({
      async requeueDeliveries(params) {
        const changed = await storage.requeueDeliveries(params)
        for (const id of changed) {
          const row = tables.deliveries.get(id)
          if (row) row.record.attempts = 0
        }
        return changed
      },
    }),
  },
  {
    name: 'a cancelled delivery is claimed all the same',
    caughtBy: 'cancelling',
    breaks: (storage, tables) => ({
      async cancelDeliveries(params) {
        const cancelled = await storage.cancelDeliveries(params)
        for (const id of cancelled) {
          const row = tables.deliveries.get(id)
          if (!row) continue
          tables.finished.delete(row)
          tables.deliveryQueue.wait(row, params.now.getTime())
        }
        return cancelled
      },
    }),
  },
  {
    name: 'cancelling drops the lease of an attempt under way',
    caughtBy: 'cancelling',
    breaks: (storage, tables) => ({
      async cancelDeliveries(params) {
        const cancelled = await storage.cancelDeliveries(params)
        for (const id of cancelled) {
          const row = tables.deliveries.get(id)
          if (row) row.record.leaseToken = null
        }
        return cancelled
      },
    }),
  },
  {
    name: 'an attempt that ends after a cancel brings the delivery back',
    caughtBy: 'cancelling',
    breaks: (storage, tables) => ({
      async settleDeliveries(params) {
        for (const { id, leaseToken } of params.settlements) {
          const row = tables.deliveries.get(id)
          if (row?.record.leaseToken !== leaseToken) continue
          if (row.record.status === 'cancelled') row.record.status = 'failed'
        }
        return storage.settleDeliveries(params)
      },
    }),
  },
  {
    name: 'a success after a cancel is kept from the record',
    caughtBy: 'cancelling',
    breaks: (storage, tables) => ({
      settleDeliveries: ({ now, settlements }) =>
        storage.settleDeliveries({
          now,
          settlements: settlements.map((settlement) => {
            const isCancelled = tables.deliveries.get(settlement.id)?.record.status === 'cancelled'
            return isCancelled ? { ...settlement, status: 'failed' } : settlement
          }),
        }),
    }),
  },
  {
    name: 'cancelling by endpoint ignores its limit',
    caughtBy: 'cancelling',
    breaks: (storage) => ({
      cancelDeliveries: (params) => storage.cancelDeliveries({ ...params, limit: 1_000 }),
    }),
  },
  {
    name: 'renewing brings a cancelled delivery back',
    caughtBy: 'cancelling',
    breaks: (storage, tables) => ({
      async renewLeases({ leases, leaseUntil }) {
        const renewed = await storage.renewLeases({ leases, leaseUntil })
        for (const id of renewed) {
          const row = tables.deliveries.get(id)
          if (row) tables.schedule(row, leaseUntil, row.record.leaseToken)
        }
        return renewed
      },
    }),
  },
  {
    name: 'the next due time overlooks leases',
    caughtBy: 'the next due time',
    breaks: (storage, tables) => ({
      async nextDueAt(params) {
        const rows = [...tables.deliveries.values()]
        const isHeld = rows.some(({ record }) => record.leaseToken !== null && record.dueAt)
        return isHeld ? null : storage.nextDueAt(params)
      },
    }),
  },
  {
    name: 'the next due time comes a millisecond late',
    caughtBy: 'the next due time',
    breaks: (storage) => ({
      async nextDueAt(params) {
        const next = await storage.nextDueAt(params)
        return next && new Date(next.getTime() + 1)
      },
    }),
  },
  {
    name: 'the next due time lies in the past for ever',
    caughtBy: 'the next due time',
    breaks: (storage) => ({
      nextDueAt: async (params) => (await storage.nextDueAt(params)) && new Date(0),
    }),
  },
  {
    name: 'the next due time counts excluded endpoints',
    caughtBy: 'the next due time',
    breaks: (storage) => ({ nextDueAt: () => storage.nextDueAt({ exclude: [] }) }),
  },
  {
    name: 'the next due time overlooks waiting events',
    caughtBy: 'the next due time',
    breaks: (_, tables) => ({
      async nextDueAt({ exclude }) {
        const next = tables.deliveryQueue.nextDueAt(new Set(exclude))
        return next === null ? null : new Date(next)
      },
    }),
  },
]

function withCurrentToken(tables: Tables, settlement: Settlement): Settlement {
  const leaseToken = tables.deliveries.get(settlement.id)?.record.leaseToken
  return { ...settlement, leaseToken: leaseToken ?? '' }
}
