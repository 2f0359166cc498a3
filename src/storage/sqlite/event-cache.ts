import type { EventRecord } from '../storage.ts'
import type { Statements } from './database.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'

/** Characters of the bodies in one generation, about; two are kept. */
const capacity = 2 * 1024 * 1024

/**
 * Events that were fanned out a moment ago and are about to be sent. What the engine reads of an
 * event never changes, and an event with a pending delivery is never deleted.
 */
export class EventCache {
  #young = new Map<string, EventRecord>()
  #old = new Map<string, EventRecord>()
  #size = 0

  keep(event: EventRecord): void {
    if (this.#size > capacity) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    this.#young.set(event.id, event)
    this.#size += event.body.length
  }

  read(statements: Statements, id: string): EventRecord | undefined {
    const known = this.#young.get(id) ?? this.#old.get(id)
    if (known !== undefined) return known
    const sql = `SELECT ${eventColumns} FROM webhooks_events WHERE event_id = ?`
    const row = statements.getTuple<EventRow>(sql, id)
    return row === undefined ? undefined : toEventRecord(row)
  }
}
