/** Events that are inserted under the lease of the worker that will fan them out. */
import type { InsertedEvent, NewEvent } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import type { LeasedEvents } from './hand.ts'

/** Events under one token: a storage may hold them together. */
const eventsPerLease = 50

/** Gives new events leases that begin at `since`. */
export function underLeases(
  events: NewEvent[],
  { ids, settings }: Pick<Context, 'ids' | 'settings'>,
  since: Date,
): NewEvent[] {
  const leaseUntil = new Date(since.getTime() + settings.limits.leaseMs)
  let leaseToken = ''
  return events.map((event, index) => {
    if (index % eventsPerLease === 0) leaseToken = ids('lease')
    return { ...event, lease: { leaseToken, leaseUntil } }
  })
}

/** Those that were inserted, by their leases; for the others another event stands. */
export function insertedOf(
  events: NewEvent[],
  answers: InsertedEvent[],
): Omit<LeasedEvents, 'since'>[] {
  const groups = new Map<string, Omit<LeasedEvents, 'since'>>()
  events.forEach(({ fanOut: _, lease, ...event }, index) => {
    const answer = answers[index]
    if (lease === null || !answer?.inserted) return
    const { leaseToken } = lease
    const group = groups.get(leaseToken) ?? { events: [], leaseToken }
    group.events.push({ ...event, position: answer.position })
    groups.set(leaseToken, group)
  })
  return [...groups.values()]
}
