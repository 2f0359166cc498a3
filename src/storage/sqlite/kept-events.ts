/**
 * Events that were inserted under the lease of the worker that will fan them out. All under one
 * token share a row here, so that they cost little more than the row of the event itself; and that
 * one says already what it will say afterwards: done, with deliveries. None of them has a delivery
 * yet: one that gets some before it is done, or whose lease ends, waits as others do from then on.
 */
import type { Lease, NewEvent } from '../storage.ts'
import type { Statements } from './database.ts'
import { type StoredText, storeText } from './text.ts'

/** The ids of all of them, for `IN`. */
export const keptIds =
  'SELECT kept_id.value FROM webhooks_kept_events AS kept, json_each(kept.event_ids) AS kept_id'

interface KeptRow {
  due_at: number
  event_ids: string
}

/** Those under one token. */
interface Group {
  dueAt: number
  ids: Set<string>
}

/** Notes events that have just been inserted under their leases. */
export function keepEvents(statements: Statements, events: NewEvent[]): void {
  const kept = new KeptEvents(statements)
  for (const { id, lease } of events) if (lease !== null) kept.add(id, lease)
  kept.write()
}

/** Lets those wait whose lease has ended. Who held them may write until somebody claims them. */
export function releaseEndedEvents(statements: Statements, now: Date): void {
  const rows = statements.all<KeptRow & { lease_token: StoredText }>(
    'SELECT lease_token, due_at, event_ids FROM webhooks_kept_events WHERE due_at <= ?',
    now.getTime(),
  )
  for (const { lease_token, due_at, event_ids } of rows) {
    for (const id of JSON.parse(event_ids) as string[]) {
      waitUnderLease(statements, id, { token: lease_token, dueAt: due_at })
    }
    statements.run('DELETE FROM webhooks_kept_events WHERE lease_token = ?', lease_token)
  }
}

/** Lets an event wait that was kept. */
export function waitAgain(statements: Statements, id: string): void {
  statements.run("UPDATE webhooks_events SET fan_out = 'wait', owed = 0 WHERE event_id = ?", id)
}

/** @param lease.token - As it is stored. */
export function waitUnderLease(
  statements: Statements,
  id: string,
  { token, dueAt }: { token: StoredText; dueAt: number },
): void {
  waitAgain(statements, id)
  statements.run(
    'REPLACE INTO webhooks_event_leases (event_id, lease_token, due_at) VALUES (?, ?, ?)',
    id,
    token,
    dueAt,
  )
}

/** Those that one write touches: each row is read once, and written once. */
export class KeptEvents {
  readonly #statements: Statements
  readonly #groups = new Map<string, Group | null>()
  readonly #changed = new Set<string>()

  constructor(statements: Statements) {
    this.#statements = statements
  }

  add(id: string, { leaseToken, leaseUntil }: { leaseToken: string; leaseUntil: Date }): void {
    const group = this.#groupOf(leaseToken) ?? { dueAt: leaseUntil.getTime(), ids: new Set() }
    this.#groups.set(leaseToken, group)
    group.ids.add(id)
    this.#changed.add(leaseToken)
  }

  /** @returns When its lease ends; `null` if it is not kept under that token. */
  take({ id, leaseToken }: Lease): number | null {
    const group = this.#groupOf(leaseToken)
    if (!group?.ids.delete(id)) return null
    this.#changed.add(leaseToken)
    return group.dueAt
  }

  write(): void {
    for (const leaseToken of this.#changed) {
      const group = this.#groups.get(leaseToken)
      const token = storeText(leaseToken)
      if (!group) continue
      if (group.ids.size === 0) {
        this.#statements.run('DELETE FROM webhooks_kept_events WHERE lease_token = ?', token)
      } else {
        this.#statements.run(
          'REPLACE INTO webhooks_kept_events (lease_token, due_at, event_ids) VALUES (?, ?, ?)',
          token,
          group.dueAt,
          JSON.stringify([...group.ids]),
        )
      }
    }
  }

  #groupOf(leaseToken: string): Group | null {
    const known = this.#groups.get(leaseToken)
    if (known !== undefined) return known
    const row = this.#statements.get<KeptRow>(
      'SELECT due_at, event_ids FROM webhooks_kept_events WHERE lease_token = ?',
      storeText(leaseToken),
    )
    const group = row
      ? { dueAt: row.due_at, ids: new Set(JSON.parse(row.event_ids) as string[]) }
      : null
    this.#groups.set(leaseToken, group)
    return group
  }
}
