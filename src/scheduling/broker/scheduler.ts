import { WebhooksError } from '../../errors.ts'
import type { Clock } from '../../ports.ts'
import { consoleLogger, systemClock } from '../../system.ts'
import { RunLoop } from '../run-loop.ts'
import type { Scheduler, SchedulerHost, Work } from '../scheduler.ts'
import type { Broker, WakeUp } from './broker.ts'

/** What every scheduler over a broker does beside it. */
export interface Sweeping {
  /**
   * How often, in milliseconds, each worker looks by itself, and makes anew what the broker may have
   * lost. It bounds how late work is done when a wake-up got lost. Default 30,000.
   */
  sweepIntervalMs?: number
}

/** Of the hints within so long, one wake-up is made: thousands of emits are some fifty a second. */
const gatherMs = 20
/** How often a process that is full wakes another one, and how long it takes no wake-up itself. */
const passOnEveryMs = 1_000
/** How long a broker may take to answer before the process goes on without it. */
const patienceMs = 2_000

const never = Number.POSITIVE_INFINITY

/**
 * Wakes workers on many machines through the jobs of a broker. A job carries no work: whoever gets
 * it looks into the storage. What is due now starts a run here as well, at once. What is due later
 * is left to the broker, so that one machine wakes for it and not all; where the broker does not
 * take it, this process keeps it by its own clock.
 */
export class BrokerScheduler implements Scheduler {
  readonly #broker: Broker
  readonly #name: string
  readonly #sweepIntervalMs: number
  readonly #loop: RunLoop
  #host: SchedulerHost = { clock: systemClock, logger: consoleLogger }
  #connected: Promise<void> | null = null
  #isStopping = false
  /** The earliest instant for which a wake-up is still to be put. */
  #wantedAt = never
  #putting: Promise<void> | null = null
  /** Whether the broker owes an answer: it is asked no more before that, so that nothing piles up. */
  #isAsked = false
  #endGathering: () => void = () => {}
  /** The earliest instant for which the broker has a wake-up of ours, until when that is believed. */
  #heldAt = never
  #believedUntil = 0
  #passedOnAt = Number.NEGATIVE_INFINITY
  /** Ends the wait of a wake-up that this process got while it was full. */
  #endHolding: () => void = () => {}
  #isFailing = false

  constructor(broker: Broker, name: string, { sweepIntervalMs = 30_000 }: Sweeping) {
    if (!Number.isFinite(sweepIntervalMs) || sweepIntervalMs < 1) {
      throw new WebhooksError('invalid_option', 'sweepIntervalMs must be at least 1 millisecond')
    }
    this.#broker = broker
    this.#name = name
    this.#sweepIntervalMs = sweepIntervalMs
    this.#loop = new RunLoop(sweepIntervalMs, (next, work) => this.#planAfter(next, work))
  }

  attach(host: SchedulerHost): void {
    this.#host = host
  }

  async start(work: Work): Promise<void> {
    this.attach(work)
    await this.#connect()
    this.#broker.listen(() => this.#wake(work))
    this.#loop.start(work)
  }

  notify(dueAt: Date, reach: 'here' | 'anywhere' = 'anywhere'): void {
    if (this.#isStopping) return
    const at = dueAt.getTime()
    if (reach === 'here' || at <= this.#now()) this.#loop.planAt(at)
    if (reach === 'anywhere') this.#want(at)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#loop.stop()
    this.#endHolding()
    // What was wanted a moment ago is still put, so that others do what this process leaves.
    this.#endGathering()
    await this.#putting
    if (this.#connected === null) return
    await this.#connected.catch(() => {})
    const closed = this.#broker.close().catch((error) => this.#complain(error))
    await within(closed, patienceMs, this.#host.clock).catch((error) => this.#complain(error))
  }

  async #wake(work: Work): Promise<void> {
    // It may be the one that is held, and come too early by this clock: then it is put again.
    this.#heldAt = never
    await this.#loop.runSoon()
    if (!work.isFull || this.#isStopping) return
    // Another process may have room. The broker hands this one nothing before this call ends, so
    // that it does not get back what it passes on.
    this.#want(this.#now())
    const holding = wait(passOnEveryMs, work.clock)
    this.#endHolding = holding.end
    await holding.over
  }

  /** What is left to this process's own clock once a run has returned. */
  #planAfter(next: Date | null, work: Work): number {
    const now = this.#now()
    if (!work.isFull) this.#endHolding()
    else if (now - this.#passedOnAt >= passOnEveryMs) {
      this.#passedOnAt = now
      this.#want(now)
    }
    if (next === null) return never
    const at = next.getTime()
    if (at <= now) return at
    // The sweep comes so late that what the broker has lost by then is put anew.
    if (at < this.#heldAt || this.#heldAt <= now || this.#believedUntil <= now) this.#want(at)
    return never
  }

  #want(at: number): void {
    this.#wantedAt = Math.min(this.#wantedAt, at)
    this.#putting ??= this.#putAll().finally(() => {
      this.#putting = null
    })
  }

  /** Puts what is wanted, one wake-up at a time, until nothing is wanted any more. */
  async #putAll(): Promise<void> {
    while (this.#wantedAt !== never) {
      const at = this.#wantedAt
      this.#wantedAt = never
      await this.#put(at)
      if (this.#isStopping) continue
      const gathering = wait(gatherMs, this.#host.clock)
      this.#endGathering = gathering.end
      await gathering.over
    }
  }

  async #put(at: number): Promise<void> {
    const now = this.#now()
    const isDue = at <= now
    // Rounded up, so that instants close to each other are one wake-up, in every process.
    const roundedAt = Math.ceil(at / gatherMs) * gatherMs
    const wakeUp = isDue
      ? { key: 'now', delayMs: 0 }
      : { key: `at-${roundedAt}`, delayMs: roundedAt - now }
    try {
      await within(this.#ask(wakeUp), patienceMs, this.#host.clock)
      if (!isDue) this.#hold(at, now)
      this.#recover()
    } catch (error) {
      this.#complain(error)
      this.#loop.planAt(at)
    }
  }

  async #ask(wakeUp: WakeUp): Promise<void> {
    if (this.#isAsked) throw new Error('It still owes an answer')
    this.#isAsked = true
    try {
      await this.#connect()
      await this.#broker.put(wakeUp)
    } finally {
      this.#isAsked = false
    }
  }

  #hold(at: number, now: number): void {
    this.#heldAt = at
    this.#believedUntil = now + this.#sweepIntervalMs / 2
  }

  #connect(): Promise<void> {
    this.#connected ??= this.#broker.connect((error) => this.#complain(error))
    return this.#connected
  }

  /** One report for each time that it stops working, however often it says so. */
  #complain(error: unknown): void {
    if (this.#isFailing || this.#isStopping) return
    this.#isFailing = true
    const reason = error instanceof Error ? error.message : String(error)
    this.#host.logger.error(
      { broker: this.#name, reason, sweepIntervalMs: this.#sweepIntervalMs },
      'The broker of the scheduler failed; workers go on by their own clocks',
    )
  }

  #recover(): void {
    if (!this.#isFailing) return
    this.#isFailing = false
    this.#host.logger.info({ broker: this.#name }, 'The broker of the scheduler works again')
  }

  #now(): number {
    return this.#host.clock.now().getTime()
  }
}

/** Over after so long, or when it is ended. */
function wait(ms: number, clock: Clock): { over: Promise<void>; end: () => void } {
  let end: () => void = () => {}
  const over = new Promise<void>((resolve) => {
    const cancel = clock.setTimer(resolve, ms)
    end = () => {
      cancel()
      resolve()
    }
  })
  return { over, end }
}

/** The promise's own outcome, or a rejection if it has none in time. */
function within(promise: Promise<void>, ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => reject(new Error(`No answer within ${ms} ms`)), ms)
    promise.then(resolve, reject).finally(cancel)
  })
}
