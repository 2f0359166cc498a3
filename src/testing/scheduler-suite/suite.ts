import assert from 'node:assert/strict'
import type { Scheduler } from '../../scheduling/scheduler.ts'
import { Recorder } from '../conformance/recorder.ts'
import { Bench } from './bench.ts'
import type {
  SchedulerCapabilities,
  SchedulerFixture,
  SchedulerSuiteOptions,
  SchedulerWishes,
} from './options.ts'
import { type Task, Tasks, TestWork } from './test-work.ts'

/** How long a scheduler sleeps at most: so long that looking by itself explains no run … */
const long: SchedulerWishes = { longestSleepMs: 600_000 }
/** … and so short that a test can wait for it. */
const short: SchedulerWishes = { longestSleepMs: 1_500 }

/** Runs that nobody asked for: each costs a look in vain, and a few are no spinning. */
export const spareRuns = 3
/** Runs that a burst of any size may lead to. */
export const burstRuns = 40

/** A process of a test: a scheduler, and what it drives. */
export interface Process {
  scheduler: Scheduler
  work: TestWork
}

/** A stop under way. */
export interface Stopping {
  hasEnded: boolean
  /** How many runs there had been when it ended. */
  runsBefore: number
  end: Promise<void>
}

/** A test's view of its fixture. */
class SchedulerKit extends Bench {
  readonly fixture: SchedulerFixture
  readonly tasks = new Tasks()
  readonly delayMs: number
  readonly longestSleepMs: number
  readonly here: Process
  readonly #all: Process[] = []
  readonly #stopped = new Set<Process>()

  constructor(
    fixture: SchedulerFixture,
    options: { virtual: boolean; latenessMs: number; delayMs: number } & SchedulerWishes,
  ) {
    super(options)
    this.fixture = fixture
    this.delayMs = options.delayMs
    this.longestSleepMs = options.longestSleepMs
    this.here = this.#process(fixture.scheduler)
  }

  /** Another process; not yet started. */
  another(): Process {
    assert.ok(this.fixture.another, 'the capability `shared` needs `another` in the fixture')
    return this.#process(this.fixture.another())
  }

  /** Starts, and waits until the first run has ended. */
  async start(process = this.here): Promise<void> {
    const starting = process.scheduler.start(process.work)
    await this.until(() => process.work.runs > 0, 'no run followed the start')
    await starting
    await this.quiet(process)
  }

  async stop(process = this.here): Promise<Stopping> {
    const stopping = this.beginStop(process)
    await this.until(() => stopping.hasEnded, 'it does not stop')
    await stopping.end
    return stopping
  }

  /** Asks it to stop, and does not wait. */
  beginStop(process = this.here): Stopping {
    this.#stopped.add(process)
    const stopping = { hasEnded: false, runsBefore: 0, end: process.scheduler.stop() }
    const note = () => {
      stopping.hasEnded = true
      stopping.runsBefore = process.work.runs
    }
    stopping.end.then(note, note)
    return stopping
  }

  async stopAll(): Promise<void> {
    for (const process of this.#all) {
      process.work.release()
      if (!this.#stopped.has(process)) await this.stop(process)
    }
  }

  /** Waits until no run is under way, and its answer has been taken in. */
  async quiet({ work } = this.here): Promise<void> {
    await this.until(() => work.underWay === 0, 'a run did not end')
    await this.pass(0)
  }

  /** Adds what nobody is told of. */
  add(inMs = 0): Task {
    return this.tasks.add(this.in(inMs))
  }

  /** Adds it and tells a process. */
  addAndNotify(inMs = 0, { scheduler } = this.here): Task {
    const task = this.add(inMs)
    scheduler.notify(task.dueAt)
    return task
  }

  /** Waits until a run has taken it, which is in time when it happens at that very instant. */
  async taken(task: Task, failure: string, withinMs?: number): Promise<void> {
    const ahead = Math.max(0, task.dueAt.getTime() - this.clock.now().getTime())
    await this.until(() => task.takenAt !== null, failure, withinMs ?? ahead)
  }

  /** How many runs there are while so much time passes. */
  async runsWithin(ms: number, { work } = this.here): Promise<number> {
    const before = work.runs
    await this.pass(ms)
    return work.runs - before
  }

  #process(scheduler: Scheduler): Process {
    const process = { scheduler, work: new TestWork(this.clock, this.tasks) }
    scheduler.attach?.({ clock: this.clock, logger: process.work.logger })
    this.#all.push(process)
    return process
  }
}

type TestBody = (kit: SchedulerKit) => Promise<void>

/** Where the files of the suite declare their tests. */
export interface Suite {
  /** The same for chapters that need these capabilities: without them, they are not run. */
  needing(...capabilities: (keyof SchedulerCapabilities)[]): Suite
  describe(name: string, body: () => void): void
  /** Declares a test of a scheduler that, left alone, sleeps for longer than the test lasts. */
  test(name: string, body: TestBody): void
  /** Declares a test of a scheduler that looks by itself before long. */
  testOfLooking(name: string, body: TestBody): void
  /** Declares, as the last test, the one that reports. */
  reportAtEnd(): void
}

export function createSuite(options: SchedulerSuiteOptions): Suite {
  const recorder = new Recorder('Conformance of the scheduler', options)
  const { capabilities = {}, delayMs = 500 } = options
  const virtual = capabilities.virtualClock === true
  const { latenessMs = virtual ? 0 : 10_000 } = options

  async function run(wishes: SchedulerWishes, body: TestBody): Promise<void> {
    const fixture = await options.createScheduler(wishes)
    const kit = new SchedulerKit(fixture, { virtual, latenessMs, delayMs, ...wishes })
    try {
      await body(kit)
    } finally {
      await kit.stopAll()
      await fixture.close()
    }
  }

  function suiteNeeding(needed: (keyof SchedulerCapabilities)[]): Suite {
    const missing = needed.filter((capability) => capabilities[capability] !== true)
    return {
      needing: (...more) => suiteNeeding([...needed, ...more]),
      describe: (name, body) => recorder.chapter(name, missing, body),
      test: (name, body) => recorder.test(name, () => run(long, body)),
      testOfLooking: (name, body) => recorder.test(name, () => run(short, body)),
      reportAtEnd: () => recorder.reportAtEnd(),
    }
  }
  return suiteNeeding([])
}
