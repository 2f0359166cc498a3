import type { Clock } from '../ports.ts'
import { Refusal } from './problem.ts'

/** An hour: repeats after a lost answer come within seconds or minutes. */
const keptMs = 3_600_000
/** Keys that are remembered, in all and per tenant; the oldest one makes room. */
const mostKeys = 1_000
const mostPerScope = 100

interface Entry<Value> {
  scope: string
  fingerprint: string
  value: Promise<Value>
  /** Whether it is done: what is under way makes no room for others, or it would be done twice. */
  isDone: boolean
  expiresAt: number
}

/** A POST under a key. */
export interface KeyedRequest {
  /** Whose key it is: two tenants may use the same. */
  scope: string
  key: string
  /** What was asked, so that a key cannot come to stand for two things. */
  fingerprint: string
}

/**
 * Answers to POSTs under an `Idempotency-Key`, so that a repeat is answered and not done again. A
 * repeat that comes while the first is under way waits for it. Only successes are kept: after a
 * refusal nothing was done, and a repeat may fare better.
 *
 * In memory, and so of this process alone: answers hold secrets, which are kept nowhere in the
 * clear.
 */
export class IdempotencyKeys<Value> {
  readonly #clock: Clock
  /** In the order of their coming, which is that of their expiry. */
  readonly #entries = new Map<string, Entry<Value>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws Refusal `idempotency_key_reused`, and what `work` throws */
  async run(
    { scope, key, fingerprint }: KeyedRequest,
    work: () => Promise<Value>,
  ): Promise<{ value: Value; replayed: boolean }> {
    const now = this.#clock.now().getTime()
    this.#dropExpired(now)
    const id = JSON.stringify([scope, key])
    const known = this.#entries.get(id)
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) throw reused()
      return { value: await known.value, replayed: true }
    }
    const entry = { scope, fingerprint, value: work(), isDone: false, expiresAt: now + keptMs }
    this.#entries.set(id, entry)
    this.#makeRoom(scope)
    try {
      const value = await entry.value
      entry.isDone = true
      return { value, replayed: false }
    } catch (error) {
      if (this.#entries.get(id) === entry) this.#entries.delete(id)
      throw error
    }
  }

  #dropExpired(now: number): void {
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return
      this.#entries.delete(id)
    }
  }

  #makeRoom(scope: string): void {
    const ids = [...this.#entries].flatMap(([id, { isDone }]) => (isDone ? [id] : []))
    const ofScope = ids.filter((id) => this.#entries.get(id)?.scope === scope)
    const [oldest] = ofScope.length >= mostPerScope ? ofScope : ids.length >= mostKeys ? ids : []
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

function reused(): Refusal {
  return new Refusal(
    'idempotency_key_reused',
    'This Idempotency-Key stands for another request already. Use a new key for each.',
  )
}

/** Up to 255 visible characters, quoted or not. */
const keyForm = /^[\x21-\x7e]{1,255}$/

/** The key of a request; `undefined` without one. @throws Refusal `invalid_request` */
export function readIdempotencyKey(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null) return undefined
  if (keyForm.test(key)) return key
  throw new Refusal(
    'invalid_request',
    'An Idempotency-Key is 1 to 255 visible ASCII characters, such as a UUID.',
  )
}
