import assert from 'node:assert/strict'
import type {
  DeliveryRecord,
  EventRecord,
  FanOutAnswer,
  InsertedEvent,
} from '../../../storage/storage.ts'
import { assertSameIds, firstPage, idsOf, type Kit } from '../kit.ts'
import type { Reference } from './reference.ts'

/** Tenants of the random operations. */
export const tenants = ['tenant-a', 'tenant-b', 'tenant-c']

/** Everything that the storage shows is what the reference holds. */
export async function compare(kit: Kit, reference: Reference): Promise<void> {
  const { storage } = kit
  const page = { ...firstPage, limit: 10_000 }
  const backlog = await storage.backlog({ now: kit.at(0) })
  assert.equal(backlog.deliveries.count, pendingOf(reference).length)
  const waiting = [...reference.events.values()].filter(({ waits }) => waits)
  assert.equal(backlog.events.count, waiting.length)
  for (const tenantId of tenants) {
    const expected = [...reference.deliveries.values()]
      .filter((row) => row.tenantId === tenantId)
      .sort((a, b) => (a.id < b.id ? 1 : -1))
    const listed = await storage.listDeliveries({ tenantId, ...page })
    // `step` and `faults` of what is final say nothing, and start anew with a re-queue.
    assert.deepEqual(listed.items.map(comparable), expected.map(comparable))
    assert.equal(listed.total, expected.length)
    const deliveryIds = idsOf(expected)
    assert.deepEqual(
      await storage.listAttempts({ tenantId, deliveryIds }),
      reference.attempts.filter(({ deliveryId }) => deliveryIds.includes(deliveryId)),
    )
    const events = [...reference.events.values()].filter(({ event }) => event.tenantId === tenantId)
    assertSameIds((await storage.listEvents({ tenantId, ...page })).items, events.map(eventOf))
    const endpoints = [...reference.endpoints.values()].filter(
      ({ record, deletedAt }) => record.tenantId === tenantId && deletedAt === null,
    )
    assert.deepEqual(
      (await storage.listEndpoints({ tenantId, ...page })).items.toReversed(),
      endpoints.map(({ record }) => record),
    )
    const stats = await storage.stats({ tenantId, since: kit.at(0) })
    const waiting = events.filter(({ waits }) => waits).length
    const pending = expected.filter(({ status }) => status === 'pending').length
    assert.equal(stats.backlog, pending + waiting)
  }
}

export function compareFanOut(answer: FanOutAnswer, expected: FanOutAnswer): void {
  assertSameIds(answer.events, expected.events)
  assertSameIds(answer.settled, expected.settled)
}

/** @param expected - Without positions, which are for the storage to say. */
export function compareInserted(
  answers: InsertedEvent[],
  stored: EventRecord[],
  expected: Omit<InsertedEvent, 'position'>[],
): void {
  assert.deepEqual(
    answers.map(({ position: _, ...answer }) => answer),
    expected,
  )
  for (const { id, position } of stored) {
    const answer = answers.find((given) => given.id === id)
    if (answer) assert.equal(answer.position, position, `the position of event ${id}`)
  }
}

/** @param expected - As epoch milliseconds. */
export function compareNextDueAt(next: Date | null, expected: number | null): void {
  if (expected === null) assert.equal(next, null, 'something is due although nothing waits')
  else assert.ok(next !== null, 'nothing is due although something waits')
  if (expected !== null && expected > Number.NEGATIVE_INFINITY) {
    assert.ok(Number(next) <= expected, `${next?.toISOString()} is too late by the reference`)
  }
}

export function pendingOf(reference: Reference): DeliveryRecord[] {
  return [...reference.deliveries.values()].filter(({ status }) => status === 'pending')
}

function comparable(row: DeliveryRecord): DeliveryRecord {
  return row.status === 'pending' ? row : { ...row, step: 0, faults: 0 }
}

function eventOf({ event }: { event: { id: string } }): { id: string } {
  return event
}
