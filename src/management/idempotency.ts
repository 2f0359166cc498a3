import type { Clock } from '../ports.ts'
import { Refusal } from './problem.ts'

/** An hour: repeats after a lost answer come within seconds or minutes. */
const keptMs = 3_600_000
/** Keys that are remembered, per tenant and in all; the oldest one makes room. */
const mostPerTenant = 100
const mostTenants = 100

interface Entry {
  fingerprint: string
  response: Promise<Response>
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
 * In memory, and so of this process alone: answers hold secrets, which no store shall keep.
 */
export class IdempotencyKeys {
  readonly #clock: Clock
  readonly #tenants = new Map<string, Map<string, Entry>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws Refusal `idempotency_key_reused`, and what `work` throws */
  async run(
    { scope, key, fingerprint }: KeyedRequest,
    work: () => Promise<Response>,
  ): Promise<Response> {
    const entries = this.#entriesOf(scope)
    const known = entries.get(key)
    if (known !== undefined && known.expiresAt > this.#now()) return replay(known, fingerprint)
    const entry = { fingerprint, response: work(), expiresAt: this.#now() + keptMs }
    entries.delete(key)
    entries.set(key, entry)
    dropOldest(entries, mostPerTenant)
    try {
      return (await entry.response).clone()
    } catch (error) {
      if (entries.get(key) === entry) entries.delete(key)
      throw error
    }
  }

  /** Entries of a tenant, which becomes the newest one. */
  #entriesOf(scope: string): Map<string, Entry> {
    const entries = this.#tenants.get(scope) ?? new Map<string, Entry>()
    this.#tenants.delete(scope)
    this.#tenants.set(scope, entries)
    dropOldest(this.#tenants, mostTenants)
    return entries
  }

  #now(): number {
    return this.#clock.now().getTime()
  }
}

async function replay({ fingerprint, response }: Entry, asked: string): Promise<Response> {
  if (fingerprint !== asked) {
    throw new Refusal(
      'idempotency_key_reused',
      'This Idempotency-Key stands for another request already. Use a new key for each.',
    )
  }
  const answer = (await response).clone()
  answer.headers.set('idempotency-replayed', 'true')
  return answer
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  while (map.size > most) map.delete(map.keys().next().value as string)
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
