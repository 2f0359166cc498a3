import type { ChildTask } from './child.ts'
import { Child } from './processes.ts'

/** A place that always has a process: whenever one is killed, the next takes over. */
export class Lane {
  readonly name: string
  /** Names of its processes, the first one first. */
  readonly processes: string[] = []
  /** Those that were killed. */
  readonly killed = new Set<string>()
  /** What ended by itself and in a way it should not. */
  readonly accidents: string[] = []
  /** Resolves when a process of it has ended by itself. */
  readonly done: Promise<void>
  readonly #taskOf: (name: string, predecessors: string[]) => ChildTask
  #child: Child
  #finish: () => void = () => {}

  constructor(name: string, taskOf: (name: string, predecessors: string[]) => ChildTask) {
    this.name = name
    this.#taskOf = taskOf
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#child = this.#start()
  }

  get isAlive(): boolean {
    return this.#child.isAlive
  }

  /** Kills its process and starts the next one. */
  async kill(): Promise<void> {
    const child = this.#child
    child.kill()
    const { signal } = await child.ended
    if (signal !== 'SIGKILL') return
    this.killed.add(child.name)
    this.#child = this.#start()
  }

  async stop(): Promise<void> {
    this.#child.stop()
    await this.done
  }

  #start(): Child {
    const name = `${this.name}.${this.processes.length}`
    const child = new Child(this.#taskOf(name, [...this.processes]))
    this.processes.push(name)
    void child.ended.then(({ code, signal, words }) => {
      if (signal === 'SIGKILL') return
      if (code !== 0) this.accidents.push(`${name} ended with ${code ?? signal}: ${words}`)
      this.#finish()
    })
    return child
  }
}
