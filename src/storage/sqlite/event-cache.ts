import { RecentEvents } from '../recent-records.ts'
import type { EventRecord } from '../storage.ts'
import type { Statements } from './database.ts'
import { type EventRow, eventColumns, toEventRecord } from './rows.ts'

/** Events as the engine reads them with every claim: mostly those fanned out a moment ago. */
export class EventCache {
  readonly #recent = new RecentEvents()

  keep(event: EventRecord): void {
    this.#recent.keep(event)
  }

  read(statements: Statements, id: string): EventRecord | undefined {
    const known = this.#recent.get(id)
    if (known !== undefined) return known
    const sql = `SELECT ${eventColumns} FROM webhooks_events WHERE event_id = ?`
    const row = statements.getTuple<EventRow>(sql, id)
    return row === undefined ? undefined : toEventRecord(row)
  }
}
