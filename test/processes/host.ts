import type { Clock, Transport } from '../../src/index.ts'
import { systemClock } from '../../src/system.ts'

/** The time of a host whose clock is off, and which may run faster than ours. */
export function hostClock({ aheadMs = 0, speed = 1 }: { aheadMs?: number; speed?: number }): Clock {
  const start = Date.now()
  return {
    now: () => new Date(start + aheadMs + (Date.now() - start) * speed),
    setTimer: (callback, delayMs, options) =>
      systemClock.setTimer(callback, delayMs / speed, options),
  }
}

/** A request as a receiver noted it. */
export interface Receipt {
  eventId: string
  url: string
  /** By the sender's clock. */
  at: Date
}

/** How a receiver answers. */
export interface Answer {
  status: number
  headers?: Record<string, string>
}

/** A receiver for all instances of a test, without a network between. */
export class Inbox {
  readonly receipts: Receipt[] = []
  /** Answers a request; with 200 unless a test says otherwise. */
  answer: (receipt: Receipt) => Promise<Answer> | Answer = () => ({ status: 200 })

  get eventIds(): string[] {
    return this.receipts.map(({ eventId }) => eventId)
  }

  /** What an instance sends with. */
  transport(clock: Clock = systemClock): Transport {
    return {
      send: async ({ url, headers: sent }) => {
        const receipt = { eventId: sent['webhook-id'] ?? '', url, at: clock.now() }
        this.receipts.push(receipt)
        const { status, headers = {} } = await this.answer(receipt)
        return { response: { status, headers, body: '', bodyTruncated: false }, error: null }
      },
      checkUrl: async () => {},
      close: async () => {},
    }
  }
}
