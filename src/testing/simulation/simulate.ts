import * as z from 'zod'
import { defineEvents } from '../../core/events/registry.ts'
import { memoryStorage } from '../../storage/memory/index.ts'
import type { Storage } from '../../storage/storage.ts'
import type { TransportRequest } from '../../transport/transport.ts'
import { createWebhooks } from '../../webhooks.ts'
import { allChecks } from './checks/index.ts'
import { Dice } from './dice.ts'
import { type CreateInstance, Fleet } from './fleet.ts'
import type { Incarnation } from './incarnation.ts'
import { Ledger } from './ledger.ts'
import { Network } from './network.ts'
import type { Check, Effect, SentRequest, Violation } from './observed.ts'
import { drawScenario, longestStallMs, type Scenario } from './scenario.ts'
import { SecretBook } from './secret-book.ts'
import { type Observed, storageLink } from './storage-link.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'

/** What {@link simulate} takes. */
export interface SimulateOptions {
  /** Everything is drawn from it: the same seed gives the same run, step by step. */
  seed: number
  /** Whether to write down what happens. Default false: a run without a story is faster. */
  story?: boolean
  /**
   * Makes the instances of the run's processes. Default `createWebhooks`; pass one that breaks
   * something to see whether the simulation notices.
   */
  createInstance?: CreateInstance
}

/** What {@link simulate} resolves to. */
export interface SimulationResult {
  seed: number
  /** Promises that did not hold; empty after a sound run. */
  violations: Violation[]
  /** What happened, one line each, in the order of time; empty unless asked for. */
  story: string[]
  /** How much happened. */
  figures: {
    steps: number
    virtualMs: number
    events: number
    deliveries: number
    requests: number
  }
}

const startMs = Date.parse('2026-01-01T00:00:00Z')

const data = z.object({ n: z.number() })
const events = defineEvents({
  'order.paid': data,
  'order.refund.issued': data,
  'user.created': data,
})

/**
 * Runs several processes of the engine, on one storage, through virtual days of traffic, faults
 * and crashes drawn from one seed, and checks every promise on the way and at the end.
 *
 * @example
 * const { violations } = await simulate({ seed: 42 })
 * if (violations.length > 0) console.log((await simulate({ seed: 42, story: true })).story.join('\n'))
 */
export async function simulate(options: SimulateOptions): Promise<SimulationResult> {
  return new Simulation(options).run()
}

class Simulation {
  readonly #seed: number
  readonly #world: World
  readonly #scenario: Scenario
  readonly #storage: Storage = memoryStorage()
  readonly #ledger = new Ledger()
  readonly #secrets: SecretBook
  readonly #network: Network
  readonly #fleet: Fleet
  readonly #workload: Workload
  readonly #checks: Check[]
  readonly #violations: Violation[] = []
  #stormy = true
  #requests = 0

  constructor({ seed, story = false, createInstance = createWebhooks }: SimulateOptions) {
    this.#seed = seed
    const dice = new Dice(seed)
    const scenario = drawScenario(dice)
    const world = new World(dice, { startMs, telling: story })
    const isStormy = () => this.#stormy
    const broken = (promise: string, what: string) => this.#report(promise, what)
    this.#world = world
    this.#scenario = scenario
    this.#secrets = new SecretBook(dice)
    this.#network = new Network({
      ...{ world, scenario, isStormy },
      onSend: (by, request) => this.#noteSent(by, request),
      onEnd: (sent) => this.#noteEnded(sent),
    })
    const link = { world, scenario, isStormy, onEffect: (seen: Observed) => this.#noteEffect(seen) }
    this.#fleet = new Fleet({
      ...{ world, scenario, events, createInstance, isStormy, onBreak: broken },
      storageOf: (by) => storageLink(this.#storage, by, link),
      transportOf: (by) => this.#network.transportOf(by),
    })
    const parts = { network: this.#network, fleet: this.#fleet, secrets: this.#secrets }
    this.#workload = new Workload({
      ...{ world, scenario, ledger: this.#ledger, ...parts },
      onSurprise: (what) => broken('clear errors', what),
    })
    this.#checks = allChecks({
      ...{ scenario, ledger: this.#ledger, secrets: this.#secrets, broken },
      emitted: this.#workload.emitted,
    })
  }

  async run(): Promise<SimulationResult> {
    const { spanMs } = this.#scenario
    this.#world.story.tell('seed', () => `${this.#seed}: ${JSON.stringify(this.#scenario)}`)
    this.#fleet.startAll()
    this.#workload.plan()
    await this.#runFor(spanMs + 1_000, () => false)
    // What follows from a broken promise says nothing more: a run ends with the first.
    if (!this.#isBroken) await this.#heal()
    if (!this.#isBroken) await this.#end()
    return {
      seed: this.#seed,
      violations: this.#violations,
      story: this.#world.story.lines(),
      figures: {
        steps: this.#world.steps,
        virtualMs: this.#world.nowMs - startMs,
        events: this.#ledger.events.size,
        deliveries: this.#ledger.deliveries.size,
        requests: this.#requests,
      },
    }
  }

  get #isBroken(): boolean {
    return this.#violations.length > 0
  }

  /** Lets all trouble end; what is owed must then be delivered, and every process stop. */
  async #heal(): Promise<void> {
    this.#world.story.tell('world', () => 'the storm is over')
    this.#stormy = false
    this.#fleet.startAll()
    // Calls that stall since the storm still have their effects to come.
    await this.#runFor(longestStallMs(this.#scenario), () => false)
    await this.#runFor(longestQuarantineMs(this.#scenario), () => this.#ledger.isQuiet())
    if (!this.#isBroken && !this.#ledger.isQuiet()) {
      const { events: waiting, deliveries } = this.#ledger.owed
      this.#report('at least once', `Never done: ${[...waiting, ...deliveries].join(', ')}`)
    }
  }

  async #end(): Promise<void> {
    this.#fleet.stopAll()
    await this.#runFor(longestStopMs(this.#scenario), () => this.#fleet.hasLeft())
    if (!this.#fleet.hasLeft()) this.#report('stop', 'A process never stopped')
    for (const check of this.#checks) check.finish?.()
    await this.#compareStorage()
  }

  /** Goes on for so long, or until something is found or nothing is left to do. */
  async #runFor(durationMs: number, isDone: () => boolean): Promise<void> {
    const until = this.#world.nowMs + durationMs
    await this.#world.run(until, () => this.#isBroken || isDone())
    if (this.#world.exhausted) this.#report('no spinning', 'The world never came to rest')
  }

  /** What the storage says at the end is what its calls made of it. */
  async #compareStorage(): Promise<void> {
    for (const { id, tenantId, status, counted, attempts } of this.#ledger.deliveries.values()) {
      const stored = await this.#storage.getDelivery({ tenantId, id })
      const logged = await this.#storage.listAttempts({ tenantId, deliveryIds: [id] })
      if (stored?.status !== status || stored.attempts !== counted) {
        const is = `${stored?.status} after ${stored?.attempts} attempts`
        this.#report('truthful log', `${id} is ${is}, not ${status} after ${counted}`)
      }
      if (logged.length !== attempts.length) {
        this.#report('truthful log', `${id} has ${logged.length} attempts on record`)
      }
    }
  }

  #noteEffect(observed: Observed): void {
    const place = { order: this.#ledger.nextOrder(), at: this.#world.nowMs }
    const effect = { ...observed, ...place } as Effect
    this.#world.story.tell(effect.by.name, () => describe(effect))
    for (const check of this.#checks) check.effect?.(effect)
    this.#ledger.apply(effect)
    this.#secrets.apply(effect)
  }

  #noteSent(by: Incarnation, request: TransportRequest): SentRequest {
    const eventId = request.headers['webhook-id'] ?? ''
    const endpointId = this.#ledger.endpointOfUrl.get(request.url) ?? ''
    const sent: SentRequest = {
      ...{ by, request, eventId, endpointId, order: this.#ledger.order },
      ...{ sentAt: this.#world.nowMs, sentClock: by.clockMs(), arrivedAt: null },
      ...{ endedAt: null, endedClock: null, result: null, asked: null, logged: null },
    }
    this.#requests += 1
    this.#world.story.tell(by.name, () => `sends ${eventId} to ${endpointId} (${request.url})`)
    this.#ledger.send(sent)
    for (const check of this.#checks) check.sent?.(sent)
    this.#ledger.deliveryOf(eventId, endpointId)?.sent.push(sent)
    return sent
  }

  #noteEnded(sent: SentRequest): void {
    const { by, eventId, endpointId, result } = sent
    const outcome = result?.response?.status ?? result?.error?.code
    const retryAfter = result?.response?.headers['retry-after']
    this.#world.story.tell(by.name, () => {
      const asked = retryAfter === undefined ? '' : `, Retry-After: "${retryAfter}"`
      return `hears ${outcome}${asked} for ${eventId} from ${endpointId}`
    })
    for (const check of this.#checks) check.ended?.(sent)
  }

  #report(promise: string, what: string): void {
    this.#world.story.conclude('BROKEN', () => `${promise}: ${what}`)
    this.#violations.push({ promise, what })
  }
}

/** By then, a healthy world has delivered everything: the longest wait, twice, and some. */
function longestQuarantineMs({ retry, limits, pollMs }: Scenario): number {
  const longestDelayMs = Math.max(...retry.delaysMs) * (1 + retry.jitter)
  const longestFaultRestMs = 15 * 60_000
  return (
    2 * (longestDelayMs + limits.retryAfterMs * 2 + limits.leaseMs + pollMs + longestFaultRestMs)
  )
}

function longestStopMs({ limits }: Scenario): number {
  return 2 * (limits.stopGraceMs + limits.timeoutMs + limits.leaseMs)
}

function describe({ method, params, answer }: Effect): string {
  const short = (value: unknown) => JSON.stringify(value)?.slice(0, 400)
  return `${method} ${short(params)} => ${short(answer)}`
}
