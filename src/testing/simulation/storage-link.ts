import type { Storage } from '../../storage/storage.ts'
import type { Incarnation } from './incarnation.ts'
import type { Effect } from './observed.ts'
import { longestStallMs, patienceMs, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** What a link needs of the simulation around it. */
export interface LinkSurroundings {
  world: World
  scenario: Scenario
  /** Whether trouble happens at present: not once the world is to heal. */
  isStormy: () => boolean
  /** Is told of each call that takes effect, at once and in order. */
  onEffect: (effect: Observed) => void
}

type WithoutPlace<E> = E extends Effect ? Omit<E, 'order' | 'at'> : never

/** An effect before it has its place in the order of all. */
export type Observed = WithoutPlace<Effect>

/**
 * The way of one process to the shared storage. Every call is a step of its own, so that the calls
 * of all processes interleave; it may be late, fail before or after it took effect, and the
 * process may die in it, before or after.
 */
export function storageLink(
  storage: Storage,
  by: Incarnation,
  { world, scenario, isStormy, onEffect }: LinkSurroundings,
): Storage {
  const { dice, story } = world

  async function call(method: keyof Storage, params?: unknown): Promise<unknown> {
    const underWay = by.beginCall()
    await world.sleep(by, delay())
    await dieMaybe(`before ${method}`)
    await failMaybe('before')
    const run = storage[method] as (params: unknown) => Promise<unknown>
    const answer = await run.call(storage, params)
    if (method !== 'open') onEffect({ method, params, answer, by } as Observed)
    await dieMaybe(`after ${method}`)
    await failMaybe('after')
    if (isStormy() && dice.chance(0.3)) await world.sleep(by, delay())
    by.endCall(underWay)
    return answer

    async function failMaybe(when: 'before' | 'after'): Promise<void> {
      if (!isStormy() || !dice.chance(scenario.storage.faults / 2)) return
      underWay.failed = true
      await world.sleep(by, delay())
      by.endCall(underWay)
      story.tell(by.name, () => `${method} FAILS ${when} it took effect`)
      throw new Error(`connection lost ${when} ${method}`)
    }
  }

  function delay(): number {
    if (!isStormy()) return 0
    const { slow, stalls } = scenario.storage
    if (dice.chance(stalls)) return dice.between(patienceMs, longestStallMs(scenario))
    if (dice.chance(slow)) return dice.between(1, patienceMs / 4)
    return dice.chance(0.5) ? 0 : dice.between(0, 5)
  }

  /** Goes no further if the process died. */
  async function dieMaybe(where: string): Promise<void> {
    if (isStormy() && dice.chance(scenario.crashes / 2)) by.crash(where)
    if (!by.alive) await new Promise(() => {})
  }

  return new Proxy(storage, {
    get(_, name) {
      if (name === 'open') return () => call(name)
      // Nothing follows a close, and nothing depends on it.
      if (name === 'close') return async () => {}
      if (name === 'onWork' || name === 'explainFault') return undefined
      return (params: unknown) => call(name as keyof Storage, params)
    },
  })
}
