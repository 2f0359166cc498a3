import { setTimeout as sleep } from 'node:timers/promises'
import type { Webhooks } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { type EmitMode, type EmitterEntry, type Journal, readJournal } from './journal.ts'
import type { CrashConnection } from './stores/store.ts'
import { type events, plannedEvent } from './world.ts'

/** What one lane emits, however many processes it takes. */
export interface EmitterTask {
  seed: number
  lane: string
  /** How many events the lane emits. */
  events: number
  /** Rest between two bursts: up to so many milliseconds. */
  restMs: number
  /** All emits are made in this way; by default each has a way of its own. */
  mode?: EmitMode | undefined
}

const longestBurst = 16

/** Deliveries that may wait when the next burst begins. */
const mostWaiting = 4

/** What a dead process held waits for the end of its lease; others need not. */
const longestPauseMs = 500

/** Emits in bursts and notes each intent before, and each outcome after. */
export class CrashEmitter {
  readonly #task: EmitterTask
  readonly #webhooks: Webhooks<typeof events, unknown>
  readonly #connection: CrashConnection
  readonly #journal: Journal<EmitterEntry>
  /** A connection carries one transaction at a time. */
  #transaction: Promise<void> = Promise.resolve()

  constructor(parts: {
    task: EmitterTask
    webhooks: Webhooks<typeof events, unknown>
    connection: CrashConnection
    journal: Journal<EmitterEntry>
  }) {
    this.#task = parts.task
    this.#webhooks = parts.webhooks
    this.#connection = parts.connection
    this.#journal = parts.journal
  }

  /** Emits what the lane still has to emit, after the processes that died before this one. */
  async run(before: EmitterEntry[]): Promise<void> {
    const { seed, events: total, restMs } = this.#task
    const random = seededRandom(seed + before.length)
    const { next, unanswered } = whereLeftOff(before)
    await Promise.all(unanswered.map((number) => this.#emit(number)))
    for (let number = next; number < total; ) {
      const size = Math.min(1 + Math.floor(random.next() * longestBurst), total - number)
      await Promise.all(Array.from({ length: size }, (_, index) => this.#emit(number + index)))
      number += size
      await sleep(random.next() * restMs)
      await this.#keepPace()
    }
  }

  /**
   * Lets a slow machine catch up. Otherwise its workers would hold as much as they may at any moment,
   * and how much a kill repeats would be the machine's doing.
   */
  async #keepPace(): Promise<void> {
    if (this.#task.restMs === 0) return
    const deadline = Date.now() + longestPauseMs
    while (Date.now() < deadline) {
      // While the server is down there is nothing to know.
      const stats = await this.#webhooks.stats({ since: new Date() }).catch(() => null)
      if (stats === null || stats.backlog <= mostWaiting) return
      await sleep(20)
    }
  }

  async #emit(number: number): Promise<void> {
    const { seed, lane, mode: onlyMode } = this.#task
    const { key, filler, ...planned } = plannedEvent(seed, lane, number)
    const mode = onlyMode ?? planned.mode
    this.#journal.write({ intent: key, mode })
    try {
      if (mode === 'commit' || mode === 'rollback') await this.#transact(key, filler, mode)
      else await this.#emitAlone(key, filler, mode)
    } catch (error) {
      this.#journal.write({ refused: key, reason: String(error) })
    }
  }

  async #emitAlone(key: string, filler: string, mode: 'plain' | 'keyed'): Promise<void> {
    const options = mode === 'keyed' ? { idempotencyKey: key } : {}
    const { id } = await this.#webhooks.emit('crash.probe', { key, filler }, options)
    this.#journal.write({ committed: key, eventId: id })
  }

  async #transact(key: string, filler: string, end: 'commit' | 'rollback'): Promise<void> {
    const previous = this.#transaction
    let eventId = ''
    const work = async (transaction: unknown): Promise<void> => {
      eventId = (await this.#webhooks.emit('crash.probe', { key, filler }, { transaction })).id
    }
    const own = previous.then(() => this.#connection.transact(key, work, end))
    this.#transaction = own.catch(() => {})
    await own
    if (end === 'commit') this.#journal.write({ committed: key, eventId })
    else this.#journal.write({ rolledBack: key })
  }
}

/** Intents with an idempotency key and no outcome are repeated, as a host would after a crash. */
function whereLeftOff(before: EmitterEntry[]): { next: number; unanswered: number[] } {
  let next = 0
  const unanswered = new Set<number>()
  for (const entry of before) {
    if ('intent' in entry) {
      next = Math.max(next, numberOf(entry.intent) + 1)
      if (entry.mode === 'keyed') unanswered.add(numberOf(entry.intent))
    }
    if ('committed' in entry) unanswered.delete(numberOf(entry.committed))
  }
  return { next, unanswered: [...unanswered] }
}

function numberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('-') + 1))
}

/** What the processes of a lane wrote, the first process first. */
export function readLane(folder: string, processes: string[]): EmitterEntry[] {
  return processes.flatMap((process) => readJournal<EmitterEntry>(folder, `${process}.emitter`))
}
