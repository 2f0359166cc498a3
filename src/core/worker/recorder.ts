import type { FanOutAnswer } from '../../storage/storage.ts'
import { Batcher } from '../batcher.ts'
import type { Context } from '../context.ts'
import type { Consequences } from './consequences.ts'
import type { DirectEvent } from './direct-event.ts'
import { recorded, storedBefore } from './lost-answers.ts'
import type { Ended } from './outcome.ts'
import { turnsToGather } from './settler.ts'
import { mayBeRefused } from './without-answer.ts'

const eventsPerWrite = 200

/** For how long an event may be on its way before it is stored, answer or not. */
const storedAfterMs = 1_000

/**
 * Stores what was sent directly: an event's deliveries with the first answer to one of them, so that
 * most are written once, in their last state; or a second later, so that nothing stays unseen.
 */
export class Recorder {
  readonly #context: Context
  readonly #consequences: Consequences
  readonly #batcher: Batcher<DirectEvent, boolean>
  /** Events that wait for an answer, the oldest first. */
  readonly #unanswered = new Set<DirectEvent>()
  #cancelTimer: (() => void) | null = null

  constructor(context: Context, consequences: Consequences) {
    this.#context = context
    this.#consequences = consequences
    this.#batcher = new Batcher({
      write: (events) => this.#write(events),
      maxBatch: eventsPerWrite,
      clock: context.clock,
      turns: turnsToGather,
    })
  }

  /** Requests of this event are on their way. */
  expect(direct: DirectEvent): void {
    this.#unanswered.add(direct)
    if (this.#cancelTimer === null) this.#planLook(storedAfterMs)
  }

  /**
   * Resolves once the event is stored.
   *
   * @returns Whether it was: false where its lease had passed on, and nothing was written.
   */
  record(direct: DirectEvent): Promise<boolean> {
    direct.recorded ??= this.#add(direct)
    return direct.recorded
  }

  #add(direct: DirectEvent): Promise<boolean> {
    this.#unanswered.delete(direct)
    if (this.#unanswered.size === 0) this.#cancelLook()
    const recorded = this.#batcher.add(direct).catch((error) => {
      if (!direct.forgetAnswers() || !mayBeRefused(this.#context, error)) throw error
      return this.#batcher.add(direct)
    })
    // Each of its attempts reports the fault; there may be none that has ended yet.
    recorded.catch(() => {})
    return recorded
  }

  async #write(events: DirectEvent[]): Promise<boolean[]> {
    let rest = events
    do {
      const [firsts, others] = firstOfEachEvent(rest)
      await this.#writeRound(firsts)
      rest = others
    } while (rest.length > 0)
    return events.map(({ isStored }) => isStored)
  }

  async #writeRound(events: DirectEvent[]): Promise<void> {
    const { clock, settings, storage } = this.#context
    const now = clock.now()
    const leaseUntil = new Date(now.getTime() + settings.limits.leaseMs)
    const records = events.map((direct) => direct.write(leaseUntil))
    const ended = records.flatMap((record) => record.ended).sort((a, b) => endOf(a) - endOf(b))
    const answer = await storage.fanOut({
      now,
      results: records.map(({ result }) => result),
      settlements: ended.map(({ outcome }) => outcome.settlement),
    })
    await this.#noteStored(events, answer)
    const counted = await recorded(this.#context, ended, new Set(answer.settled))
    await this.#consequences.follow(counted)
  }

  async #noteStored(events: DirectEvent[], answer: FanOutAnswer): Promise<void> {
    const accepted = new Set(answer.events)
    const refused = events.filter(({ event }) => !accepted.has(event.id))
    const before = new Set(await storedBefore(this.#context, refused))
    for (const direct of events) {
      direct.isStored = accepted.has(direct.event.id) || before.has(direct)
    }
  }

  #planLook(delayMs: number): void {
    this.#cancelTimer = this.#context.clock.setTimer(() => this.#recordOld(), delayMs)
  }

  #cancelLook(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  #recordOld(): void {
    this.#cancelTimer = null
    const now = this.#context.clock.now().getTime()
    for (const direct of this.#unanswered) {
      // With a clock that steps back, it may lie ahead.
      const waitMs = direct.since + storedAfterMs - now
      if (waitMs > 0) {
        this.#planLook(Math.min(waitMs, storedAfterMs))
        return
      }
      void this.record(direct)
    }
  }
}

function endOf({ outcome }: Ended): number {
  const { startedAt, durationMs } = outcome.settlement.attempt
  return startedAt.getTime() + durationMs
}

/**
 * Parts a batch so that no write holds an event twice: a worker can have leased it again while what
 * it sent before was still to be stored.
 */
function firstOfEachEvent(batch: DirectEvent[]): [firsts: DirectEvent[], others: DirectEvent[]] {
  const firsts = new Map<string, DirectEvent>()
  const others: DirectEvent[] = []
  for (const direct of batch) {
    if (firsts.has(direct.event.id)) others.push(direct)
    else firsts.set(direct.event.id, direct)
  }
  return [[...firsts.values()], others]
}
