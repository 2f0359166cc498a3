import { WebhooksError } from '../errors.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { InsertedEvent, NewEvent } from '../storage/storage.ts'
import type { BacklogReader } from './backlog-reader.ts'
import type { Context } from './context.ts'
import { settlesWithin } from './deadline.ts'
import { Emitter } from './events/emitter.ts'
import type { EventRegistry } from './events/registry.ts'
import { HealthKeeper } from './health/health-keeper.ts'
import { stopped } from './resilient-storage.ts'
import { Consequences } from './worker/consequences.ts'
import { Dispatcher } from './worker/dispatcher.ts'
import { Recorder } from './worker/recorder.ts'
import { Settler } from './worker/settler.ts'
import { Worker } from './worker/worker.ts'

/** What `drain` takes. */
export interface DrainOptions {
  /** When it must have returned. Attempts that would still run then are handed back. */
  deadline: Date
}

/** What `drain` resolves to. */
export interface DrainResult {
  /** Whether nothing that was due is left. */
  drained: boolean
  /** When something becomes due next; `null` if nothing waits. */
  nextDueAt: Date | null
}

/** What the worker of a process does; `resting`: it waits after a fault of the storage. */
export type WorkerState = 'not_started' | 'running' | 'resting' | 'stopped'

/** Waits after storage faults: doubled each time, up to the longest. */
const firstBackOffMs = 100
const longestBackOffMs = 30_000

/** What is kept of a drain's time to hand attempts back and to settle, and to return in time. */
const drainMarginMs = 250
const returnMarginMs = 50

/** How long each step of a stop may take, beyond the grace of attempts. What hangs is given up. */
const stopStepMs = 10_000

/** The moving parts of one instance: the emitter, a worker, and the scheduler that wakes it. */
export class Engine {
  readonly emitter: Emitter
  readonly #context: Context
  readonly #scheduler: Scheduler
  readonly #settler: Settler
  readonly #recorder: Recorder
  #worker: Worker | null = null
  #started = false
  #starting: Promise<void> | null = null
  #stopping: Promise<void> | null = null
  /** Resolves when the drains that were asked for so far have ended. */
  #drained: Promise<unknown> = Promise.resolve()
  /** Storage faults in a row, and until when the worker rests because of them. */
  #faults = 0
  #restsUntil = new Date(0)
  #endWorkSubscription: (() => void) | null = null
  #endTelemetry: (() => void) | undefined
  /** Called when an attempt ends, while a drain waits. */
  #onFree: (() => void) | null = null

  constructor(
    context: Context,
    parts: { registry: EventRegistry; scheduler: Scheduler; backlog: BacklogReader },
  ) {
    this.#context = context
    this.#scheduler = parts.scheduler
    this.#scheduler.attach?.({ clock: context.clock, logger: context.logger })
    const consequences = new Consequences(context, new HealthKeeper(context))
    this.#settler = new Settler(context, consequences)
    this.#recorder = new Recorder(context, consequences)
    this.emitter = new Emitter(context, {
      registry: parts.registry,
      insert: (events, transaction) => this.#insertEvents(events, transaction),
    })
    this.#endTelemetry = context.telemetry?.begin({
      now: () => context.clock.now(),
      on: context.notifier.on.bind(context.notifier),
      backlog: async () => (this.#started ? parts.backlog.read().catch(() => null) : null),
    })
  }

  get workerState(): WorkerState {
    if (this.isStopping) return 'stopped'
    if (!this.#started) return 'not_started'
    return this.#isResting ? 'resting' : 'running'
  }

  /** Attempts under way. */
  get inFlight(): number {
    return this.#worker?.inFlight ?? 0
  }

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#stopping !== null
  }

  /** Deliveries were added, or made pending again, that are due now. */
  notifyDue(): void {
    this.#worker?.expectDue()
    this.#notify()
  }

  /** Those that the worker keeps in its hand are nobody else's business. */
  async #insertEvents(events: NewEvent[], transaction: unknown): Promise<InsertedEvent[]> {
    const worker = this.workerState === 'running' ? this.#worker : null
    if (transaction === undefined && worker !== null) {
      const { answers, areKept } = await worker.insertEvents(events)
      if (areKept) this.#notifyHere()
      else this.#notify()
      return answers
    }
    const answers = await this.#context.storage.insertEvents({ events, transaction })
    this.#notify()
    return answers
  }

  /** Tells the scheduler, which may reach other processes, that work was added that is due now. */
  #notify(): void {
    if (!this.isStopping) this.#scheduler.notify(this.#context.clock.now())
  }

  /** Tells the scheduler that this process should look for work. */
  #notifyHere(): void {
    if (this.#started && !this.isStopping) this.#scheduler.notify(this.#context.clock.now(), 'here')
  }

  /** Begins to deliver. Called again, it does nothing. */
  async start(): Promise<void> {
    if (this.isStopping) throw stopped()
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#started = false
      this.#starting = null
      throw error
    })
    await this.#starting
  }

  async #start(): Promise<void> {
    this.#started = true
    const { clock, logger, storage } = this.#context
    await this.#drained
    await storage.open()
    if (this.isStopping) throw stopped()
    const worker = this.#useWorker()
    this.#endWorkSubscription = storage.onWork?.(() => this.#notifyHere()) ?? null
    try {
      await this.#scheduler.start({
        clock,
        logger,
        get isFull() {
          return worker.isFull
        },
        run: () => this.#runOrBackOff(worker),
      })
    } catch (error) {
      this.#endWorkSubscription?.()
      throw error
    }
    logger.info({}, 'The worker has started')
  }

  /** Stores what was emitted, finishes what is under way, hands back the rest, closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /**
   * Does what is due and returns before the deadline, for hosts that live only for a request or
   * for a cron run. One at a time: a second one waits for the first, as long as its own time lasts.
   *
   * @throws WebhooksError `conflict` once `start` was called, `stopped`
   */
  async drain({ deadline }: DrainOptions): Promise<DrainResult> {
    this.#requireNoStart()
    const { clock } = this.#context
    const timeLeft = () => deadline.getTime() - clock.now().getTime()
    const work = this.#drained.then(() => {
      this.#requireNoStart()
      return this.#drain(() => timeLeft() - drainMarginMs)
    })
    this.#drained = work.catch(() => {})
    if (await settlesWithin(clock, timeLeft() - returnMarginMs, work)) return work
    return { drained: false, nextDueAt: clock.now() }
  }

  #requireNoStart(): void {
    if (this.isStopping) throw stopped()
    if (!this.#started) return
    throw new WebhooksError(
      'conflict',
      'This instance was started, and delivers by itself: drain() is for hosts that do not call start()',
    )
  }

  async #drain(timeLeft: () => number): Promise<DrainResult> {
    const worker = this.#useWorker()
    try {
      const nextDueAt = await this.#workOff(worker, timeLeft)
      if (worker.inFlight === 0 && timeLeft() > 0) return { drained: true, nextDueAt }
    } finally {
      this.#worker = null
      await worker.close(Math.max(0, timeLeft()))
    }
    return { drained: false, nextDueAt: await this.#context.storage.nextDueAt({ exclude: [] }) }
  }

  /** @returns When something becomes due next, once nothing is any more. */
  async #workOff(worker: Worker, timeLeft: () => number): Promise<Date | null> {
    const { clock } = this.#context
    let nextRunAt: Date | null = null
    while (timeLeft() > 0) {
      nextRunAt = await worker.run({ thorough: true })
      if (worker.inFlight === 0 && !isDue(nextRunAt, clock.now())) break
      if (worker.inFlight > 0) await this.#freed(timeLeft())
    }
    return nextRunAt
  }

  #useWorker(): Worker {
    this.#worker ??= new Worker(this.#context, {
      settler: this.#settler,
      recorder: this.#recorder,
      dispatcher: new Dispatcher(this.#context),
      onFree: () => {
        this.#notifyHere()
        this.#onFree?.()
      },
    })
    return this.#worker
  }

  async #runOrBackOff(worker: Worker): Promise<Date | null> {
    // Whoever wakes us in the meantime: a storage that is down is not asked more often for it.
    if (this.#isResting) return this.#restsUntil
    try {
      const next = await worker.run()
      if (this.#faults > 0) this.#context.logger.warn({}, 'The storage works again')
      this.#faults = 0
      return next
    } catch (error) {
      return this.#backOff(error)
    }
  }

  /** Not where the clock has stepped back since: it would last for as long as the step. */
  get #isResting(): boolean {
    const leftMs = this.#restsUntil.getTime() - this.#context.clock.now().getTime()
    return leftMs > 0 && leftMs <= longestBackOffMs
  }

  #backOff(error: unknown): Date {
    const { clock, logger, notifier } = this.#context
    const delayMs = Math.min(firstBackOffMs * 2 ** this.#faults, longestBackOffMs)
    this.#faults++
    const retryAt = new Date(clock.now().getTime() + delayMs)
    const reason = error instanceof Error ? error.message : String(error)
    logger.error({ reason, retryAt }, 'The storage failed; the worker waits and tries again')
    notifier.notify('storage.failed', { tenantId: null, error, retryAt })
    this.#restsUntil = retryAt
    return retryAt
  }

  /** Resolves when an attempt ends, or after `atMostMs`. */
  async #freed(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#context.clock.setTimer(resolve, Math.max(1, atMostMs))
      this.#onFree = () => {
        cancel()
        resolve()
      }
    })
    this.#onFree = null
  }

  async #stop(): Promise<void> {
    const { logger, settings, storage, transport } = this.#context
    // What is being set up can be taken down only then.
    await this.#endsInTime(
      'start',
      this.#starting?.catch(() => {}),
    )
    this.#endWorkSubscription?.()
    this.#endTelemetry?.()
    const { stopGraceMs } = settings.limits
    await this.#endsInTime('emits', this.emitter.idle())
    await this.#endsInTime('scheduler', this.#scheduler.stop())
    await this.#endsInTime('attempts', this.#worker?.close(stopGraceMs), stopGraceMs)
    await this.#endsInTime('transport', transport.close())
    await this.#endsInTime('storage', storage.close())
    logger.info({}, 'The instance has stopped')
  }

  /** Waits for a step of the stop, which must not go on for ever when a part hangs. */
  async #endsInTime(step: string, work: Promise<void> | undefined, graceMs = 0): Promise<void> {
    const { clock, logger } = this.#context
    if (work === undefined) return
    if (await settlesWithin(clock, graceMs + stopStepMs, work)) await work
    else logger.error({ step }, 'A step of the stop hangs, and was given up')
  }
}

function isDue(instant: Date | null, now: Date): boolean {
  return instant !== null && instant <= now
}
