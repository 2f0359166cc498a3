import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'

/**
 * What a claim found. `claimed`: the event is the caller's to handle. `done`: it was handled.
 * `busy`: somebody handles it at this moment, and may yet fail.
 */
export type ClaimOutcome = 'claimed' | 'done' | 'busy'

/**
 * Remembers which events were handled, so that each `webhook-id` is handled once. The contract of
 * a store of your own, such as a table or Redis; {@link memoryIdempotency} is the one for a single
 * process.
 *
 * A store has one record per id: claimed under a token until its lease ends, or done. Each method
 * is one atomic step. A claim that throws makes the receiver answer 500, so that the sender comes
 * again. Each receiver needs a store, or a prefix, of its own: what one has done, another has not.
 */
export interface IdempotencyStore {
  /**
   * Takes an event to handle it. Of claims made at the same moment, by any process, one is
   * `claimed`. A record whose lease or time has ended counts as none.
   */
  claim(params: { id: string; token: string; leaseMs: number }): Promise<ClaimOutcome>
  /**
   * Notes that an event was handled, for at least `keepMs`. Holds whoever claimed it meanwhile:
   * that it was handled is a fact.
   */
  done(params: { id: string; token: string; keepMs: number }): Promise<void>
  /**
   * Gives an event back after its handler failed: the next claim succeeds. Does nothing if the
   * record is done, or claimed under another token since.
   */
  release(params: { id: string; token: string }): Promise<void>
}

/** Options of {@link memoryIdempotency}. */
export interface MemoryIdempotencyOptions {
  /**
   * Handled ids that are remembered; the oldest makes room. Default 10,000, which takes some 2 MB.
   * As many events can be claimed at once; beyond that claims are `busy`.
   */
  capacity?: number | undefined
}

/**
 * An idempotency store in the memory of this process: it forgets everything when the process ends,
 * and knows nothing of other processes. Enough if your handlers can bear a repeat after a restart.
 *
 * @throws WebhooksError `invalid_option`
 */
export function memoryIdempotency(options: MemoryIdempotencyOptions = {}): IdempotencyStore {
  const { capacity = 10_000 } = checkOptions('memoryIdempotency', options, ['capacity'])
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new WebhooksError('invalid_option', 'capacity must be a whole number above zero')
  }
  const claims = new Map<string, { token: string; endsAt: number }>()
  /** Oldest first, as a map keeps the order of insertion. */
  const handled = new Map<string, number>()

  return {
    async claim({ id, token, leaseMs }) {
      const now = Date.now()
      const keptUntil = handled.get(id)
      if (keptUntil !== undefined && keptUntil > now) return 'done'
      const held = claims.get(id)
      if (held !== undefined && held.endsAt > now) return 'busy'
      claims.delete(id)
      if (claims.size >= capacity) dropEnded(claims, now)
      if (claims.size >= capacity) return 'busy'
      claims.set(id, { token, endsAt: now + leaseMs })
      return 'claimed'
    },

    async done({ id, keepMs }) {
      claims.delete(id)
      handled.delete(id)
      if (handled.size >= capacity) {
        const [oldest] = handled.keys()
        handled.delete(oldest as string)
      }
      handled.set(id, Date.now() + keepMs)
    },

    async release({ id, token }) {
      if (claims.get(id)?.token === token) claims.delete(id)
    },
  }
}

/** Handlers that never ended leave such claims behind. */
function dropEnded(claims: Map<string, { endsAt: number }>, now: number): void {
  for (const [id, { endsAt }] of claims) if (endsAt <= now) claims.delete(id)
}
