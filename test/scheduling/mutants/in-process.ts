import { pollingScheduler } from '../../../src/scheduling/polling.ts'
import type { Scheduler, Work } from '../../../src/scheduling/scheduler.ts'
import { systemClock } from '../../../src/system.ts'
import type { SchedulerWishes } from '../../../src/testing/index.ts'

/** A scheduler with one thing wrong. */
export interface SchedulerMutant {
  /** What is wrong with it. */
  name: string
  /** The part of the suite that has to notice: the name of a `describe`. */
  caughtBy: string
  create: (wishes: SchedulerWishes) => Scheduler
}

/** The true scheduler, told and asked otherwise than it should be. */
function polling(breaks: (inner: Scheduler) => Partial<Scheduler>) {
  return ({ longestSleepMs }: SchedulerWishes): Scheduler => {
    const inner = pollingScheduler({ intervalMs: longestSleepMs })
    return {
      start: (work) => inner.start(work),
      notify: (dueAt, reach) => inner.notify(dueAt, reach),
      stop: () => inner.stop(),
      ...breaks(inner),
    }
  }
}

/** The true scheduler over work that it sees otherwise. */
function seeing(change: (work: Work) => Partial<Work>) {
  return polling((inner) => ({
    start: (work) =>
      inner.start({
        clock: work.clock,
        logger: work.logger,
        get isFull() {
          return work.isFull
        },
        run: () => work.run(),
        ...change(work),
      }),
  }))
}

/** One timer and no second thought: the parts that the mutants get wrong are its methods. */
class Naive implements Scheduler {
  protected work: Work | null = null
  protected running: Promise<void> | null = null
  protected askedFor: number | null = null
  protected plannedAt: number | null = null
  readonly #longestSleepMs: number
  #cancel: () => void = () => {}

  constructor({ longestSleepMs }: SchedulerWishes) {
    this.#longestSleepMs = longestSleepMs
  }

  async start(work: Work): Promise<void> {
    this.work = work
    this.plan(work, work.clock.now().getTime())
  }

  notify(dueAt: Date): void {
    const at = dueAt.getTime()
    if (this.work === null) return
    if (this.running !== null) this.askedFor = Math.min(this.askedFor ?? at, at)
    else if (this.plannedAt === null || at < this.plannedAt) this.plan(this.work, at)
  }

  async stop(): Promise<void> {
    this.work = null
    this.#cancel()
    await this.running
  }

  protected plan(work: Work, at: number): void {
    this.#cancel()
    const latest = work.clock.now().getTime() + this.#longestSleepMs
    this.plannedAt = this.soonest(at, latest)
    const delayMs = Math.max(0, this.plannedAt - work.clock.now().getTime())
    this.#cancel = work.clock.setTimer(() => {
      this.running = this.run(work)
    }, delayMs)
  }

  protected soonest(at: number, latest: number): number {
    return Math.min(at, latest)
  }

  protected async run(work: Work): Promise<void> {
    this.plannedAt = null
    const next = (await work.run())?.getTime() ?? Number.POSITIVE_INFINITY
    this.running = null
    const asked = this.askedFor ?? Number.POSITIVE_INFINITY
    this.askedFor = null
    if (this.goesOn()) this.plan(work, Math.min(next, asked))
  }

  protected goesOn(): boolean {
    return this.work !== null
  }
}

export const naive = (wishes: SchedulerWishes): Scheduler => new Naive(wishes)

export const inProcessMutants: SchedulerMutant[] = [
  {
    name: 'runs again while a run is under way',
    caughtBy: 'during a run',
    create: (wishes) => {
      let work: Work | null = null
      return polling((inner) => ({
        start(given) {
          work = given
          return inner.start(given)
        },
        notify: () => void work?.run(),
      }))(wishes)
    },
  },
  {
    name: 'hears no notification',
    caughtBy: 'a notification',
    create: polling(() => ({ notify() {} })),
  },
  {
    name: 'hears no notification that is for it alone',
    caughtBy: 'a notification',
    create: polling((inner) => ({
      notify: (dueAt, reach) => (reach === 'here' ? undefined : inner.notify(dueAt)),
    })),
  },
  {
    name: 'hears no notification during a run',
    caughtBy: 'during a run',
    create: (wishes) =>
      new (class extends Naive {
        override notify(dueAt: Date): void {
          if (this.running === null) super.notify(dueAt)
        }
      })(wishes),
  },
  {
    name: 'sleeps on through what comes before its plan',
    caughtBy: 'a notification',
    create: (wishes) =>
      new (class extends Naive {
        override notify(dueAt: Date): void {
          if (this.plannedAt === null) super.notify(dueAt)
        }
      })(wishes),
  },
  {
    name: 'lets the latest notification replace its plan',
    caughtBy: 'a notification',
    create: (wishes) =>
      new (class extends Naive {
        override notify(dueAt: Date): void {
          if (this.work !== null && this.running === null) this.plan(this.work, dueAt.getTime())
        }
      })(wishes),
  },
  {
    name: 'runs once for each notification',
    caughtBy: 'a notification',
    create: (wishes) => {
      let work: Work | null = null
      let chain: Promise<unknown> = Promise.resolve()
      return polling((inner) => ({
        start(given) {
          work = given
          return inner.start(given)
        },
        notify() {
          chain = chain.then(() => work?.run())
        },
      }))(wishes)
    },
  },
  {
    name: 'throws when it is notified before the start',
    caughtBy: 'a notification',
    create: polling((inner) => {
      let work: Work | null = null
      return {
        start(given) {
          work = given
          return inner.start(given)
        },
        notify(dueAt) {
          if (work === null) throw new Error('Not started')
          inner.notify(dueAt)
        },
      }
    }),
  },
  {
    name: 'makes whoever notifies wait',
    caughtBy: 'a notification',
    create: polling((inner) => ({
      notify: (async (dueAt: Date) => inner.notify(dueAt)) as Scheduler['notify'],
    })),
  },
  {
    name: 'waits before its first run',
    caughtBy: 'starting',
    create: polling((inner) => ({
      async start(work) {
        work.clock.setTimer(() => void inner.start(work), 400_000)
      },
    })),
  },
  {
    name: 'forgets the time that a run returned',
    caughtBy: 'what a run returned',
    create: seeing((work) => ({
      async run() {
        await work.run()
        return null
      },
    })),
  },
  {
    name: 'is late by a fraction of a second',
    caughtBy: 'what a run returned',
    create: seeing((work) => ({
      async run() {
        const next = await work.run()
        return next && new Date(Math.ceil(next.getTime() / 1_000) * 1_000)
      },
    })),
  },
  {
    name: 'runs on while nothing waits',
    caughtBy: 'what a run returned',
    create: seeing((work) => ({
      run: async () => (await work.run()) ?? new Date(work.clock.now().getTime() + 10),
    })),
  },
  {
    name: 'does not know how far its timers reach',
    caughtBy: 'what a run returned',
    create: seeing((work) => ({
      async run() {
        const next = await work.run()
        const now = work.clock.now().getTime()
        return next && next.getTime() - now > 2 ** 31 ? new Date(now + 1) : next
      },
    })),
  },
  {
    name: 'goes by a clock of its own',
    caughtBy: 'what a run returned',
    create: seeing(() => ({ clock: systemClock })),
  },
  {
    name: 'runs on while the process is full',
    caughtBy: 'a notification',
    create: seeing((work) => ({
      async run() {
        const next = await work.run()
        return work.isFull ? new Date(work.clock.now().getTime() + 10) : next
      },
    })),
  },
  {
    name: 'never looks by itself',
    caughtBy: 'left alone',
    create: () => naive({ longestSleepMs: 2 ** 52 }),
  },
  {
    name: 'looks by itself only while it knows of nothing',
    caughtBy: 'left alone',
    create: (wishes) =>
      new (class extends Naive {
        protected override soonest(at: number, latest: number): number {
          return Number.isFinite(at) ? at : latest
        }
      })(wishes),
  },
  {
    name: 'looks all the time',
    caughtBy: 'left alone',
    create: () => pollingScheduler({ intervalMs: 100 }),
  },
  {
    name: 'calls on after a stop',
    caughtBy: 'stopping',
    create: polling(() => ({ stop: async () => {} })),
  },
  {
    name: 'keeps the run that was planned when it stops',
    caughtBy: 'stopping',
    create: (wishes) =>
      new (class extends Naive {
        override async stop(): Promise<void> {
          this.work = null
          await this.running
        }
      })(wishes),
  },
  {
    name: 'lets a notification wake it after a stop',
    caughtBy: 'stopping',
    create: (wishes) => {
      let work: Work | null = null
      return polling((inner) => ({
        start(given) {
          work = given
          return inner.start(given)
        },
        notify: (dueAt) => {
          inner.notify(dueAt)
          if (work) work.clock.setTimer(() => void work?.run(), 10)
        },
      }))(wishes)
    },
  },
  {
    name: 'does not wait for a call under way when it stops',
    caughtBy: 'stopping',
    create: polling((inner) => ({
      async stop() {
        void inner.stop()
      },
    })),
  },
  {
    name: 'begins one more run when the last one has ended after a stop',
    caughtBy: 'stopping',
    create: (wishes) =>
      new (class extends Naive {
        protected override goesOn(): boolean {
          return true
        }
      })(wishes),
  },
  {
    name: 'cannot stop without a start',
    caughtBy: 'stopping',
    create: polling((inner) => {
      let started = false
      return {
        start(work) {
          started = true
          return inner.start(work)
        },
        async stop() {
          if (!started) throw new Error('Not started')
          await inner.stop()
        },
      }
    }),
  },
]
