import type { Dice } from './dice.ts'
import type { Incarnation } from './incarnation.ts'
import type { Effect } from './observed.ts'

/** A secret of an endpoint, from the effect that brought it. */
export interface SecretFact {
  secret: string
  order: number
  /** When its replacement began, by the clock of who did it; `null` for the current one. */
  replacedAt: number | null
}

/**
 * Which secrets the owners of endpoints hold. The owners choose them, so that they know them even
 * where the answer to a call was lost.
 */
export class SecretBook {
  readonly #dice: Dice
  readonly #byUrl = new Map<string, string>()
  readonly #byEndpoint = new Map<string, SecretFact[]>()
  /** Rotations under way, by endpoint and process. */
  readonly #rotations = new Map<string, { secret: string; startedAt: number }>()

  constructor(dice: Dice) {
    this.#dice = dice
  }

  forUrl(url: string): string {
    const secret = this.#draw()
    this.#byUrl.set(url, secret)
    return secret
  }

  /** `undefined` while that process is at it already: whose secret came first could not be told. */
  forRotation(endpointId: string, by: Incarnation): string | undefined {
    const key = `${endpointId} ${by.name}`
    if (this.#rotations.has(key)) return undefined
    const secret = this.#draw()
    this.#rotations.set(key, { secret, startedAt: by.clockMs() })
    return secret
  }

  /** To be called when nothing of a rotation can come any more. */
  endRotation(endpointId: string, by: Incarnation, secret: string): void {
    const key = `${endpointId} ${by.name}`
    if (this.#rotations.get(key)?.secret === secret) this.#rotations.delete(key)
  }

  /** What the owner of an endpoint held when the effect of this order came, oldest first. */
  heldAt(endpointId: string, order: number): SecretFact[] {
    return (this.#byEndpoint.get(endpointId) ?? []).filter((fact) => fact.order < order)
  }

  apply({ method, params, answer, order, by }: Effect): void {
    if (method === 'insertEndpoint') {
      const { id, url } = params.endpoint
      const secret = this.#byUrl.get(url)
      if (secret === undefined || this.#byEndpoint.has(id)) return
      this.#byEndpoint.set(id, [{ secret, order, replacedAt: null }])
    }
    if (method !== 'updateEndpoint' || params.changes.secrets === undefined) return
    const key = `${params.id} ${by.name}`
    const rotation = this.#rotations.get(key)
    this.#rotations.delete(key)
    const facts = this.#byEndpoint.get(params.id)
    if (answer === null || answer === 'version_mismatch' || !facts || !rotation) return
    const before = facts.at(-1)
    if (before) before.replacedAt = rotation.startedAt
    facts.push({ secret: rotation.secret, order, replacedAt: null })
  }

  #draw(): string {
    const bytes = Uint8Array.from({ length: 24 }, () => this.#dice.between(0, 255))
    return `whsec_${Buffer.from(bytes).toString('base64')}`
  }
}
