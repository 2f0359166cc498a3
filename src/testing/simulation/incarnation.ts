import type { EventRegistry } from '../../core/events/registry.ts'
import type { Clock } from '../../ports.ts'
import type { Webhooks } from '../../webhooks.ts'
import { patienceMs } from './scenario.ts'
import type { Owner, World } from './world.ts'

/** A storage call; trouble if it fails or takes longer than {@link patienceMs}. */
export interface StorageCall {
  from: number
  /** `null` while it is under way. */
  to: number | null
  failed: boolean
}

/** One life of a process, from its start to its crash or its orderly end. */
export class Incarnation implements Owner {
  /** `B2`: the second life of process B. */
  readonly name: string
  readonly clock: Clock
  alive = true
  /** Set by whoever asks it to stop, or to drain: attempts may be handed back from then on. */
  mayHandBack = false
  webhooks: Webhooks<EventRegistry> | null = null
  readonly #world: World
  readonly #troubles: StorageCall[] = []
  readonly #calls = new Set<StorageCall>()
  readonly #onCrash: (by: Incarnation) => void

  constructor(
    name: string,
    world: World,
    parts: { clockErrorMs: () => number; onCrash: (by: Incarnation) => void },
  ) {
    const { clockErrorMs, onCrash } = parts
    this.name = name
    this.#world = world
    this.#onCrash = onCrash
    this.clock = {
      now: () => new Date(world.nowMs + clockErrorMs()),
      setTimer: (callback, delayMs) => world.plan(this, delayMs, callback),
    }
  }

  /** Ends it as `kill -9` does: nothing that it planned or waited for ever happens. */
  crash(why: string): void {
    if (!this.alive) return
    this.#world.story.tell(this.name, () => `CRASHES ${why}`)
    this.alive = false
    this.#onCrash(this)
  }

  /** Its own clock, in epoch milliseconds. */
  clockMs(): number {
    return this.clock.now().getTime()
  }

  beginCall(): StorageCall {
    const call = { from: this.#world.nowMs, to: null, failed: false }
    this.#calls.add(call)
    return call
  }

  endCall(call: StorageCall): void {
    call.to = this.#world.nowMs
    this.#calls.delete(call)
    if (call.failed || isLong(call, call.to)) this.#troubles.push(call)
  }

  /** Whether its storage gave it trouble at any time from `from` until now. */
  hadTrouble(from: number): boolean {
    const now = this.#world.nowMs
    if ([...this.#calls].some((call) => call.failed || isLong(call, now))) return true
    return this.#troubles.some(({ to }) => to !== null && to >= from)
  }
}

function isLong({ from }: StorageCall, now: number): boolean {
  return now - from > patienceMs
}
