import type { EventRegistry } from '../../core/events/registry.ts'
import { pollingScheduler } from '../../scheduling/polling.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Transport } from '../../transport/transport.ts'
import type { Webhooks, WebhooksOptions } from '../../webhooks.ts'
import { seededRandom } from '../seeded-random.ts'
import { Incarnation } from './incarnation.ts'
import { patienceMs, type Scenario } from './scenario.ts'
import type { Owner, World } from './world.ts'

/** Makes an instance: `createWebhooks`, or a broken copy of it that a check shall catch. */
export type CreateInstance = (
  options: WebhooksOptions<EventRegistry, never>,
) => Webhooks<EventRegistry>

/** What the fleet needs of the simulation around it. */
export interface FleetSurroundings {
  world: World
  scenario: Scenario
  events: EventRegistry
  createInstance: CreateInstance
  storageOf: (by: Incarnation) => Storage
  transportOf: (by: Incarnation) => Transport
  isStormy: () => boolean
  onBreak: (promise: string, what: string) => void
}

/** A machine that runs one process after another, each with the clock of the machine. */
interface Machine {
  name: string
  lives: number
  clockErrorMs: number
  now: Incarnation | null
}

/** All processes: starts them, ends them in every way, and starts them again. */
export class Fleet implements Owner {
  readonly alive = true
  readonly #around: FleetSurroundings
  readonly #machines: Machine[]
  /** Runs drains, as a cron job would. */
  readonly #cron: Machine
  readonly #leaving = new Set<Incarnation>()

  constructor(around: FleetSurroundings) {
    this.#around = around
    this.#machines = Array.from({ length: around.scenario.processes }, (_, index) =>
      this.#machine('ABCDEF'.charAt(index)),
    )
    this.#cron = this.#machine('cron')
  }

  startAll(): void {
    for (const machine of this.#machines) if (machine.now === null) this.#start(machine)
  }

  /** Some process that takes calls; `undefined` while all are down. */
  anyone(): Incarnation | undefined {
    const up = this.#machines.map(({ now }) => now).filter((now) => now !== null)
    return this.#around.world.dice.pickAny(up)
  }

  crashOne(): void {
    this.anyone()?.crash('out of the blue')
  }

  stopOne(): void {
    const by = this.anyone()
    const machine = this.#machines.find(({ now }) => now === by)
    if (by === undefined || machine === undefined) return
    this.#stop(machine, by)
    this.#restartLater(machine)
  }

  /** Asks everything that runs to stop. */
  stopAll(): void {
    for (const machine of [...this.#machines, this.#cron]) {
      if (machine.now !== null) this.#stop(machine, machine.now)
    }
  }

  /** Whether everything that was asked to stop has stopped, or died. */
  hasLeft(): boolean {
    return [...this.#leaving].every((by) => !by.alive)
  }

  jumpOne(): void {
    const { world, scenario } = this.#around
    const machine = world.dice.pick(this.#machines)
    const most = scenario.clockErrorMs
    if (most === 0) return
    machine.clockErrorMs = world.dice.between(-most, most)
    world.story.tell(machine.name, () => `its clock jumps to ${machine.clockErrorMs} ms off`)
  }

  drainOne(): void {
    const { world, onBreak, isStormy } = this.#around
    if (this.#cron.now !== null) return
    const by = this.#newLife(this.#cron)
    by.mayHandBack = true
    const startedAt = world.nowMs
    const forMs = world.dice.between(1_000, 60_000)
    const deadline = new Date(by.clockMs() + forMs)
    world.story.tell(by.name, () => `drains for ${forMs} ms`)
    const end = () => {
      if (by.alive) this.#stop(this.#cron, by)
    }
    by.webhooks?.drain({ deadline }).then(
      ({ drained }) => {
        world.story.tell(by.name, () => `drained: ${drained}`)
        const late = by.clockMs() - deadline.getTime()
        if (late > 0 && isStormy() && this.#isExact(by, startedAt)) {
          onBreak('drain', `${by.name} returned from drain ${late} ms after its deadline`)
        }
        end()
      },
      () => end(),
    )
  }

  /** Whether nothing but the engine could have made this process late. */
  #isExact(by: Incarnation, since: number): boolean {
    const { scenario } = this.#around
    const { faults, slow, stalls } = scenario.storage
    return faults + slow + stalls === 0 && !by.hadTrouble(since)
  }

  #machine(name: string): Machine {
    const { world, scenario } = this.#around
    const most = scenario.clockErrorMs
    return { name, lives: 0, clockErrorMs: world.dice.between(-most, most), now: null }
  }

  #newLife(machine: Machine): Incarnation {
    const { world, scenario, events, createInstance, storageOf, transportOf } = this.#around
    machine.lives += 1
    const by = new Incarnation(`${machine.name}${machine.lives}`, world, {
      clockErrorMs: () => machine.clockErrorMs,
      onCrash: () => {
        if (machine.now !== by) return
        machine.now = null
        if (machine !== this.#cron) this.#restartLater(machine)
      },
    })
    machine.now = by
    const silent = () => {}
    by.webhooks = createInstance({
      events,
      storage: storageOf(by),
      transport: transportOf(by),
      clock: by.clock,
      random: seededRandom(world.dice.seed()),
      scheduler: pollingScheduler({ intervalMs: scenario.pollMs }),
      limits: scenario.limits,
      retry: scenario.retry,
      disable: scenario.disable,
      logger: {
        debug: silent,
        info: silent,
        warn: (details, message) => world.story.tell(by.name, () => note(message, details)),
        error: (details, message) => world.story.tell(by.name, () => note(message, details)),
      },
    })
    return by
  }

  #start(machine: Machine): void {
    const { world } = this.#around
    const by = this.#newLife(machine)
    world.story.tell(by.name, () => 'starts')
    by.webhooks?.start().catch((error: unknown) => by.crash(`because start failed: ${error}`))
  }

  /** Asks a process to stop; it is gone when its `stop` says so. */
  #stop(machine: Machine, by: Incarnation): void {
    const { world, onBreak, isStormy } = this.#around
    by.mayHandBack = true
    machine.now = null
    this.#leaving.add(by)
    world.story.tell(by.name, () => 'is asked to stop')
    by.webhooks?.stop().then(
      () => {
        world.story.tell(by.name, () => 'has stopped')
        by.alive = false
        this.#leaving.delete(by)
      },
      (error: unknown) => {
        if (!isStormy()) onBreak('stop', `${by.name} could not stop: ${String(error)}`)
        by.crash(`because stop failed: ${String(error)}`)
      },
    )
  }

  #restartLater(machine: Machine): void {
    const { world, isStormy } = this.#around
    const delayMs = isStormy() ? world.dice.pick([0, 100, patienceMs, 60_000]) : 0
    world.plan(this, delayMs, () => {
      if (machine.now === null) this.#start(machine)
    })
  }
}

function note(message: string, details: object): string {
  return `logs: ${message} ${JSON.stringify(details)}`
}
