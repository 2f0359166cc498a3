import type { Settlement } from '../../../storage/storage.ts'
import type { Incarnation } from '../incarnation.ts'
import type { Ledger } from '../ledger.ts'
import type { DeliveryFact, LeaseFact } from '../ledger-facts.ts'
import type { SentRequest } from '../observed.ts'
import type { Scenario } from '../scenario.ts'
import type { SecretBook } from '../secret-book.ts'
import type { EmittedFact } from '../workload.ts'

/** What every check is given. */
export interface CheckContext {
  scenario: Scenario
  ledger: Ledger
  secrets: SecretBook
  /** Events whose emit resolved, so far. */
  emitted: readonly EmittedFact[]
  /** Reports that a promise did not hold. */
  broken: (promise: string, what: string) => void
}

/** The request that an attempt tells of. */
export function requestOf(
  delivery: DeliveryFact,
  { attempt }: Settlement,
  by: Incarnation,
): SentRequest | undefined {
  const startedAt = attempt.startedAt.getTime()
  return delivery.sent.find((sent) => sent.by === by && sent.sentClock === startedAt)
}

/** The claim under which a request was sent. */
export function claimOf(delivery: DeliveryFact, sent: SentRequest): LeaseFact | undefined {
  return delivery.claims.findLast(({ by, order }) => by === sent.by && order <= sent.order)
}

/**
 * Why a request may have left no trace in the log, or have been repeated: its process died, was
 * asked to stop, had trouble with its storage for long enough to lose a lease, or somebody put the
 * delivery back in the queue while it ran. `null` if there is no excuse.
 */
export function excuseFor(delivery: DeliveryFact, sent: SentRequest): string | null {
  const claim = claimOf(delivery, sent)
  if (claim === undefined) return null
  if (!sent.by.alive) return 'its process is gone'
  if (sent.by.hadTrouble(claim.at)) return 'its process had trouble with the storage'
  if (delivery.requeued.some((order) => order > claim.order)) return 'it was put back by hand'
  const wasAborted = sent.result?.error?.code === 'aborted'
  return wasAborted && sent.by.mayHandBack ? 'its process was stopping' : null
}
