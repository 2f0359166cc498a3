import type { Clock, Logger } from '../../ports.ts'
import type { Work } from '../../scheduling/scheduler.ts'

/** Something to do from an instant on, and when a run took it. */
export interface Task {
  readonly dueAt: Date
  takenAt: Date | null
}

/** What several processes have to do, as their storage has it: the truth. */
export class Tasks {
  readonly #waiting = new Set<Task>()

  add(dueAt: Date): Task {
    const task = { dueAt, takenAt: null }
    this.#waiting.add(task)
    return task
  }

  /** Takes what is due. @returns When the next one is. */
  take(now: Date): Date | null {
    let next: Date | null = null
    for (const task of this.#waiting) {
      if (task.dueAt <= now) {
        task.takenAt = now
        this.#waiting.delete(task)
      } else if (next === null || task.dueAt < next) next = task.dueAt
    }
    return next
  }
}

/** What the scheduler of one process drives in a test. */
export class TestWork implements Work {
  readonly clock: Clock
  readonly logger: Logger
  /** Warnings and errors that the scheduler reported. */
  readonly complaints: string[] = []
  isFull = false
  /** Runs that began. */
  runs = 0
  /** Runs under way, and how many that were at most. */
  underWay = 0
  mostUnderWay = 0
  /** Runs to come that say: again at once. */
  again = 0
  readonly #tasks: Tasks
  #held: Promise<void> | null = null
  #release: () => void = () => {}

  constructor(clock: Clock, tasks: Tasks) {
    this.clock = clock
    this.#tasks = tasks
    const complain = (_: object, message: string) => void this.complaints.push(message)
    this.logger = { debug() {}, info() {}, warn: complain, error: complain }
  }

  /** Bound, so that a scheduler may take it out of its object, as the engine's can be. */
  readonly run = async (): Promise<Date | null> => {
    this.runs += 1
    this.underWay += 1
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay)
    // It looks first and answers later, as one does that asks a database.
    const next = this.#look()
    await new Promise((resolve) => setImmediate(resolve))
    await this.#held
    this.underWay -= 1
    return next
  }

  #look(): Date | null {
    if (this.isFull) return null
    const next = this.#tasks.take(this.clock.now())
    if (this.again === 0) return next
    this.again -= 1
    return this.clock.now()
  }

  /** Runs look, and do not end before {@link release}. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  release(): void {
    this.#held = null
    this.#release()
  }
}
