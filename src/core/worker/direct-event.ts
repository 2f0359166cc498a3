import type { EventRecord, FanOutResult, NewDelivery } from '../../storage/storage.ts'
import type { Ended } from './outcome.ts'
import { withoutAnswer } from './without-answer.ts'

/** How a delivery stands when it is stored. */
type State = 'under way' | 'handed back' | Ended

/** An event's deliveries: those that are sent at once, and those that wait for a claim. */
export interface DirectParts {
  direct: NewDelivery[]
  others: NewDelivery[]
}

/** What is stored of an event at once, and the attempts in it. */
export interface DirectRecord {
  result: FanOutResult
  ended: Ended[]
}

/**
 * An event in the hands of this worker, with deliveries that are on their way before anything of
 * them is stored.
 */
export class DirectEvent {
  readonly event: EventRecord
  /** Those that are sent. */
  readonly deliveries: readonly NewDelivery[]
  /** Those that wait for a claim. */
  readonly others: readonly NewDelivery[]
  /** When it was fanned out, as epoch milliseconds. */
  readonly since: number
  /** The token under which those that are sent are stored. */
  readonly leaseToken: string
  /** The token of the event itself. */
  readonly #eventToken: string
  /** Of each delivery that is sent. */
  readonly #states: State[]
  #isWritten = false
  /** Whether its deliveries are stored. */
  isStored = false
  /** Resolves once it is recorded; `null` as long as nobody has asked for it. */
  recorded: Promise<boolean> | null = null

  constructor(
    event: EventRecord,
    { direct, others }: DirectParts,
    tokens: { event: string; deliveries: string },
  ) {
    this.event = event
    this.deliveries = direct
    this.since = direct[0]?.createdAt.getTime() ?? 0
    this.others = others
    this.leaseToken = tokens.deliveries
    this.#eventToken = tokens.event
    this.#states = direct.map(() => 'under way')
  }

  /** @returns Whether the attempt will be stored with the event; not if that is being written. */
  end(ended: Ended): boolean {
    return this.#note(ended.job.delivery.id, ended)
  }

  /** @returns Whether the delivery will be stored as one that waits for a claim. */
  handBack(deliveryId: string): boolean {
    return this.#note(deliveryId, 'handed back')
  }

  #note(deliveryId: string, state: State): boolean {
    if (this.#isWritten) return false
    this.#states[this.deliveries.findIndex(({ id }) => id === deliveryId)] = state
    return true
  }

  /** Keeps of what receivers said their status only. @returns Whether any had said something. */
  forgetAnswers(): boolean {
    const isEnded = this.#states.some((state) => typeof state === 'object')
    for (const [index, state] of this.#states.entries()) {
      if (typeof state === 'object') this.#states[index] = withoutAnswer(state)
    }
    return isEnded
  }

  /** What is to be written, now: what ends from here on is settled by itself. */
  write(leaseUntil: Date): DirectRecord {
    this.#isWritten = true
    const sent = this.deliveries.map((delivery, index) => {
      if (this.#states[index] === 'handed back') return delivery
      return { ...delivery, leaseToken: this.leaseToken, dueAt: leaseUntil }
    })
    return {
      result: {
        eventId: this.event.id,
        leaseToken: this.#eventToken,
        deliveries: [...sent, ...this.others],
        done: true,
      },
      ended: this.#states.filter((state) => typeof state === 'object'),
    }
  }
}
