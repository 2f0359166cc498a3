import { isWebhooksError, type WebhooksErrorCode } from '../../errors.ts'
import { type EndpointFact, stateOf } from './endpoint-states.ts'
import type { Fleet } from './fleet.ts'
import type { Incarnation } from './incarnation.ts'
import type { Ledger } from './ledger.ts'
import type { DeliveryFact } from './ledger-facts.ts'
import type { Network } from './network.ts'
import type { Scenario } from './scenario.ts'
import type { SecretBook } from './secret-book.ts'
import type { Owner, World } from './world.ts'

/** An event whose emit resolved. */
export interface EmittedFact {
  id: string
  tenantId: string
  key: string | undefined
}

/** What the workload needs of the simulation around it. */
export interface WorkloadSurroundings {
  world: World
  scenario: Scenario
  ledger: Ledger
  network: Network
  fleet: Fleet
  secrets: SecretBook
  /** Is told of what no caller should ever meet. */
  onSurprise: (what: string) => void
}

const types = ['order.paid', 'order.refund.issued', 'user.created'] as const
const patterns = [['*'], ['order.*'], ['user.created'], ['order.paid', 'user.*']] as const

/** What may befall a caller in a storm. */
const expected: readonly WebhooksErrorCode[] = [
  'storage_failed',
  'storage_unreachable',
  'stopped',
  'conflict',
  'endpoint_not_found',
  'delivery_not_found',
]

type Deed =
  | 'emit'
  | 'emitWithKey'
  | 'emitMany'
  | 'create'
  | 'update'
  | 'move'
  | 'disable'
  | 'enable'
  | 'delete'
  | 'rotate'
  | 'test'
  | 'retry'
  | 'cancel'
  | 'recover'
  | 'trespass'
  | 'changeMood'
  | 'stop'
  | 'crash'
  | 'drain'
  | 'jump'

const weights: Readonly<Record<Deed, number>> = {
  emit: 12,
  emitWithKey: 4,
  emitMany: 3,
  create: 2,
  update: 2,
  move: 1,
  disable: 2,
  enable: 3,
  delete: 0.5,
  rotate: 2,
  test: 1,
  retry: 3,
  cancel: 2,
  recover: 1,
  trespass: 1,
  changeMood: 6,
  stop: 1,
  crash: 1,
  drain: 1,
  jump: 2,
}

/** What hosts, owners of endpoints and fate do in the course of a run. */
export class Workload implements Owner {
  readonly alive = true
  readonly emitted: EmittedFact[] = []
  readonly #around: WorkloadSurroundings
  #counter = 0

  constructor(around: WorkloadSurroundings) {
    this.#around = around
  }

  /** Plans everything: endpoints at the start, then deeds alone and in clusters. */
  plan(): void {
    const { world, scenario } = this.#around
    const { dice } = world
    for (const tenantId of scenario.tenants) {
      for (let count = dice.between(1, 3); count > 0; count -= 1) {
        world.plan(this, dice.between(0, 50), () => this.#create(tenantId))
      }
    }
    let at = 0
    for (let count = scenario.actions; count > 0; count -= 1) {
      const gap = dice.weighted({ none: 3, short: 3, long: 4 })
      if (gap === 'short') at += dice.between(0, 2_000)
      if (gap === 'long') at += dice.between(0, (3 * scenario.spanMs) / scenario.actions)
      world.plan(this, 100 + Math.min(at, scenario.spanMs), () => this.#do(dice.weighted(weights)))
    }
  }

  #do(deed: Deed) {
    const { world, scenario, network, ledger, fleet } = this.#around
    const { dice } = world
    const tenantId = dice.pick(scenario.tenants)
    const endpoint = dice.pickAny([...ledger.endpoints.values()])
    switch (deed) {
      case 'emit':
        return this.#emit(tenantId, undefined)
      case 'emitWithKey':
        return this.#emit(tenantId, `key-${dice.between(1, 3)}`)
      case 'emitMany':
        return this.#emitMany(tenantId)
      case 'create':
        return this.#create(tenantId)
      case 'changeMood':
        return void (endpoint && network.changeMood(stateOf(endpoint).url))
      case 'stop':
        return fleet.stopOne()
      case 'crash':
        return scenario.crashes > 0 ? fleet.crashOne() : undefined
      case 'drain':
        return fleet.drainOne()
      case 'jump':
        return fleet.jumpOne()
      case 'trespass':
        return this.#trespass()
      case 'retry':
      case 'cancel':
        return this.#change(deed)
      default:
        if (endpoint !== undefined) this.#manage(deed, endpoint)
    }
  }

  #emit(tenantId: string, key: string | undefined): void {
    const type = this.#around.world.dice.pick(types)
    this.#as(
      `emits ${type} for ${tenantId}${key === undefined ? '' : ` under ${key}`}`,
      (process) =>
        process.emit(type, this.#data(), { tenantId, idempotencyKey: key }).then(({ id }) => {
          this.emitted.push({ id, tenantId, key })
        }),
    )
  }

  #emitMany(tenantId: string): void {
    const { dice } = this.#around.world
    const events = Array.from({ length: dice.between(2, 8) }, () => ({
      type: dice.pick(types),
      data: this.#data(),
      tenantId,
    }))
    this.#as(`emits ${events.length} events for ${tenantId}`, async (process) => {
      for (const { id } of await process.emitMany(events)) {
        this.emitted.push({ id, tenantId, key: undefined })
      }
    })
  }

  #data(): { n: number } {
    this.#counter += 1
    return { n: this.#counter }
  }

  #create(tenantId: string): void {
    const { world, secrets, network } = this.#around
    const { dice } = world
    const url = this.#newUrl(tenantId)
    const secret = secrets.forUrl(url)
    const settings = {
      events: dice.pick(patterns),
      rateLimit: dice.chance(0.1) ? { limit: 2, intervalMs: 1_000 } : null,
      retry: dice.chance(0.2) ? { delaysMs: [0, 1_000, 2_000] } : null,
    }
    if (dice.chance(0.5)) network.changeMood(url)
    this.#as(`creates ${url} for ${settings.events}`, (process) =>
      process.endpoints.create({ tenantId, url, secret, ...settings }),
    )
  }

  #newUrl(tenantId: string): string {
    this.#counter += 1
    return `https://${tenantId}.example/${this.#counter}`
  }

  #manage(deed: Deed, { id, tenantId }: EndpointFact) {
    const { world, scenario, secrets } = this.#around
    const { dice } = world
    const options = { tenantId }
    switch (deed) {
      case 'update': {
        const events = dice.pick(patterns)
        return this.#as(`updates ${id} to ${events}`, ({ endpoints }) =>
          endpoints.update(id, { events }, options),
        )
      }
      case 'move': {
        const url = this.#newUrl(tenantId)
        return this.#as(`moves ${id} to ${url}`, ({ endpoints }) =>
          endpoints.update(id, { url }, options),
        )
      }
      case 'disable':
        return this.#as(`disables ${id}`, ({ endpoints }) => endpoints.disable(id, options))
      case 'enable':
        return this.#as(`enables ${id}`, ({ endpoints }) => endpoints.enable(id, options))
      case 'delete':
        return this.#as(`deletes ${id}`, ({ endpoints }) => endpoints.delete(id, options))
      case 'rotate':
        return this.#as(`rotates the secret of ${id}`, ({ endpoints }, by) => {
          const secret = secrets.forRotation(id, by)
          if (secret === undefined) return
          const rotated = endpoints.rotateSecret(id, { ...options, secret })
          rotated.then(
            () => secrets.endRotation(id, by, secret),
            (error: unknown) => {
              // What was not answered may still take effect.
              if (isWebhooksError(error, 'storage_unreachable')) return
              secrets.endRotation(id, by, secret)
            },
          )
          return rotated
        })
      case 'test':
        return this.#as(`tests ${id}`, ({ endpoints }) => endpoints.test(id, options))
      case 'recover': {
        const sinceMs = world.nowMs - dice.between(60_000, 60_000 + scenario.spanMs)
        const only = dice.pick(['failed', 'missing', 'all'] as const)
        return this.#as(`recovers what is ${only} of ${id}`, ({ recover }) =>
          recover({ ...options, endpointId: id, since: new Date(sinceMs), only }),
        )
      }
    }
  }

  #change(deed: 'retry' | 'cancel'): void {
    const delivery = this.#anyDelivery()
    if (delivery === undefined) return
    const { id, tenantId } = delivery
    this.#as(`${deed === 'retry' ? 'retries' : 'cancels'} ${id}`, ({ deliveries }) =>
      deliveries[deed](id, { tenantId }),
    )
  }

  #anyDelivery(): DeliveryFact | undefined {
    const { world, ledger } = this.#around
    return world.dice.pickAny([...ledger.deliveries.values()].filter(({ isTest }) => !isTest))
  }

  /** A tenant tries its hand at what is another's. */
  #trespass(): void {
    const delivery = this.#anyDelivery()
    if (delivery === undefined) return
    const { id, endpointId } = delivery
    const { dice } = this.#around.world
    const deed = dice.pick(['retry', 'cancel', 'attempts', 'disable', 'rotate', 'delete'] as const)
    this.#as(`trespasses: ${deed}`, async (process) => {
      const { deliveries, endpoints } = process.forTenant('stranger')
      if (deed === 'disable') await endpoints.disable(endpointId)
      else if (deed === 'rotate') await endpoints.rotateSecret(endpointId)
      else if (deed === 'delete') await endpoints.delete(endpointId)
      else await deliveries[deed](id)
      this.#around.onSurprise(`A stranger may ${deed} what is not theirs`)
    })
  }

  /** Lets some process do it, and judges what its caller hears, if that process lives to tell. */
  #as(
    what: string,
    act: (process: NonNullable<Incarnation['webhooks']>, by: Incarnation) => unknown,
  ): void {
    const { world, fleet, onSurprise } = this.#around
    const by = fleet.anyone()
    if (by?.webhooks == null) return
    world.story.tell(by.name, () => what)
    Promise.resolve(act(by.webhooks, by)).then(
      () => world.story.tell(by.name, () => `done: ${what}`),
      (error: unknown) => {
        world.story.tell(by.name, () => `in vain: ${what}: ${String(error)}`)
        const isExpected = expected.some((code) => isWebhooksError(error, code))
        if (!isExpected) onSurprise(`"${what}" failed: ${String(error)}`)
      },
    )
  }
}
