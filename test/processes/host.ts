import type { Clock, Transport } from '../../src/index.ts'
import { systemClock } from '../../src/system.ts'

/** The time of a host whose clock is off, and which may run faster than ours. */
export function hostClock({ aheadMs = 0, speed = 1 }): Clock {
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
  at: number
}

/** A receiver for all instances of a test, without a network between. */
export class Inbox {
  readonly receipts: Receipt[] = []
  /** Answers a request; 200 unless a test says otherwise. */
  answer: (receipt: Receipt) => Promise<number> | number = () => 200

  get eventIds(): string[] {
    return this.receipts.map(({ eventId }) => eventId)
  }

  transport(): Transport {
    return {
      send: async ({ url, headers }) => {
        const receipt = { eventId: headers['webhook-id'] ?? '', url, at: Date.now() }
        this.receipts.push(receipt)
        const status = await this.answer(receipt)
        return { response: { status, headers: {}, body: '', bodyTruncated: false }, error: null }
      },
      checkUrl: async () => {},
      close: async () => {},
    }
  }
}
