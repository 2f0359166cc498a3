import type { Clock } from '../../src/ports.ts'
import type { Broker, WakeUp } from '../../src/scheduling/broker/broker.ts'

/** What connects the brokers of several processes: a queue in memory that can fail. */
export class MemoryQueue {
  readonly #clock: () => Clock
  readonly #waiting = new Map<string, () => void>()
  readonly #due: string[] = []
  readonly listeners: (() => Promise<void>)[] = []
  readonly errorListeners = new Set<(error: unknown) => void>()
  readonly put: WakeUp[] = []
  isCut = false

  /** @param clock - Asked for when it is needed: a test has it later than its broker. */
  constructor(clock: () => Clock) {
    this.#clock = clock
  }

  add(wakeUp: WakeUp): void {
    this.put.push(wakeUp)
    const { key, delayMs } = wakeUp
    if (this.#waiting.has(key)) return
    const cancel = this.#clock().setTimer(() => {
      this.#due.push(key)
      void this.handOut()
    }, delayMs)
    this.#waiting.set(key, cancel)
  }

  /** Each listener takes one at a time. */
  async handOut(): Promise<void> {
    while (!this.isCut && this.#due.length > 0) {
      const listener = this.listeners.shift()
      if (listener === undefined) return
      this.#waiting.delete(this.#due.shift() ?? '')
      await listener()
      this.listeners.push(listener)
    }
  }

  forget(): void {
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
    this.#due.length = 0
  }

  cut(): void {
    this.isCut = true
    for (const listener of this.errorListeners) listener(new Error('connection reset'))
  }

  mend(): void {
    this.isCut = false
    void this.handOut()
  }
}

export class MemoryBroker implements Broker {
  readonly #queue: MemoryQueue
  #onError: (error: unknown) => void = () => {}
  #onWake: (() => Promise<void>) | null = null

  constructor(queue: MemoryQueue) {
    this.#queue = queue
  }

  async connect(onError: (error: unknown) => void): Promise<void> {
    this.#onError = onError
    this.#queue.errorListeners.add(onError)
  }

  listen(onWake: () => Promise<void>): void {
    this.#onWake = onWake
    this.#queue.listeners.push(onWake)
    void this.#queue.handOut()
  }

  async put(wakeUp: WakeUp): Promise<void> {
    if (this.#queue.isCut) throw new Error('connect ECONNREFUSED')
    this.#queue.add(wakeUp)
  }

  async close(): Promise<void> {
    this.#queue.errorListeners.delete(this.#onError)
    const { listeners } = this.#queue
    if (this.#onWake) listeners.splice(listeners.indexOf(this.#onWake), 1)
  }
}
