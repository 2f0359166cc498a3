/** The promises, as questions to the evidence. Every answer is a list of what broke the promise. */
import type { Attempt } from '../../src/model.ts'
import { type Evidence, pairKey } from './evidence.ts'
import type { Receipt } from './journal.ts'

/** What a run showed. */
export interface Verdict {
  /** Every breach of a promise, in words. */
  breaches: Breach[]
  figures: Figures
}

export interface Breach {
  promise: Promised
  what: string
}

export type Promised =
  | 'nothing is lost'
  | 'nothing comes from nowhere'
  | 'a key stands for one event'
  | 'an event is always the same bytes, signed'
  | 'only a kill repeats a request'
  | 'the log tells what happened'

export interface Figures {
  /** Emits begun; what came of them. */
  intents: number
  committed: number
  rolledBack: number
  refused: number
  /** The process died before it knew. */
  unknown: number
  /** Events stored, times endpoints. */
  owed: number
  requests: number
  /** Requests that got no 2xx: the receiver's doing. */
  declined: number
  /** Deliveries of committed events that never arrived. */
  lost: number
  /** Requests accepted by the receiver although it had accepted that event before. */
  duplicates: number
  /** The same as a share of what was owed. */
  duplicateShare: number
  /** Requests under way, or answered and not yet settled, when their worker was killed. */
  inFlightAtKills: number
  /** Requests without a log, sent under a claim that died with the database's server. */
  forgotten: number
  /** Attempts whose answer did not come in time, as on a machine that stood still. */
  unanswered: number
}

export function judge(evidence: Evidence): Verdict {
  const accepted = evidence.receipts.filter(({ status }) => status === 200)
  const arrivals = new Map<string, number>()
  for (const receipt of accepted) {
    arrivals.set(pairKey(receipt), (arrivals.get(pairKey(receipt)) ?? 0) + 1)
  }
  const lost = findLost(evidence, arrivals)
  const duplicates = accepted.length - arrivals.size
  const owed = evidence.events.length * evidence.urls.length
  const outcomes = [...evidence.intents.values()].map(({ outcome }) => outcome)
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length
  const inFlightAtKills = [...evidence.inFlightAtKills.values()].flat().length
  const unexplained = findUnexplained(evidence)
  const isForgotten = (receipt: Receipt) => mayBeForgotten(evidence, receipt)
  return {
    breaches: [
      ...lost,
      ...findGhosts(evidence),
      ...findTwins(evidence),
      ...findForgeries(evidence),
      ...unexplained.filter((receipt) => !isForgotten(receipt)).map(toRepetition),
      ...findGaps(evidence),
    ],
    figures: {
      intents: outcomes.length,
      committed: count('committed'),
      rolledBack: count('rolledBack'),
      refused: count('refused'),
      unknown: count('unknown'),
      owed,
      requests: evidence.receipts.length,
      declined: evidence.receipts.length - accepted.length,
      lost: lost.length,
      duplicates,
      duplicateShare: owed === 0 ? 0 : duplicates / owed,
      inFlightAtKills,
      forgotten: unexplained.filter(isForgotten).length,
      unanswered: evidence.attempts.filter(({ response }) => response === null).length,
    },
  }
}

/** What was committed, by the emitter's own word or by the host's table, and what was stored. */
function findLost(evidence: Evidence, arrivals: Map<string, number>): Breach[] {
  const stored = new Map(evidence.events.map((event) => [event.key, event.id]))
  const promised = new Map<string, string | undefined>(stored)
  for (const [key, intent] of evidence.intents) {
    const isCommitted = intent.outcome === 'committed' || evidence.hostKeys.has(key)
    if (isCommitted) promised.set(key, intent.eventId ?? stored.get(key))
  }
  return [...promised].flatMap(([key, eventId]) =>
    evidence.urls
      .filter((url) => eventId === undefined || !arrivals.has(pairKey({ eventId, url })))
      .map((url) => breach('nothing is lost', `${key} (${eventId}) never came to ${url}`)),
  )
}

/** A transaction that the host's table does not know was rolled back, if only by the kill. */
function findGhosts({ events, hostKeys, intents, receipts }: Evidence): Breach[] {
  const promise = 'nothing comes from nowhere'
  const stored = new Set(events.map(({ id }) => id))
  const fromRollbacks = events.filter(({ key }) => {
    const intent = intents.get(key)
    if (intent === undefined) return true
    const isTransaction = intent.mode === 'commit' || intent.mode === 'rollback'
    return intent.outcome === 'rolledBack' || (isTransaction && !hostKeys.has(key))
  })
  return [
    ...fromRollbacks.map(({ key, id }) => breach(promise, `${key} (${id}) was never committed`)),
    ...receipts
      .filter(({ eventId }) => !stored.has(eventId))
      .map(({ eventId, url }) => breach(promise, `${eventId} came to ${url} and is not stored`)),
  ]
}

function findTwins({ events }: Evidence): Breach[] {
  const idOf = new Map<string, string>()
  return events.flatMap(({ id, key }) => {
    const first = idOf.get(key)
    idOf.set(key, id)
    if (first === undefined) return []
    return [breach('a key stands for one event', `${key} is both ${first} and ${id}`)]
  })
}

function findForgeries({ events, receipts }: Evidence): Breach[] {
  const promise = 'an event is always the same bytes, signed'
  const hashOf = new Map(events.map(({ id, bodyHash }) => [id, bodyHash]))
  return receipts.flatMap(({ number, eventId, bodyHash, verified }) => {
    if (!verified) return [breach(promise, `request ${number} has no valid signature`)]
    const expected = hashOf.get(eventId)
    if (expected === undefined || expected === bodyHash) return []
    return [breach(promise, `request ${number} carried other bytes than ${eventId}`)]
  })
}

/**
 * A request must stand in the log, or have been in flight when its sender was killed: once for
 * each time it was. So duplicates are never more than the requests in flight at the kills, and
 * those whose answer came too late.
 *
 * @returns Those that do not.
 */
function findUnexplained(evidence: Evidence): Receipt[] {
  const logged = new Set(evidence.attempts.flatMap((attempt) => receiptOf(attempt) ?? []))
  const excuses = new Map<string, number>()
  const excuse = (key: string) => excuses.set(key, (excuses.get(key) ?? 0) + 1)
  for (const [sender, pairs] of evidence.inFlightAtKills) {
    for (const pair of pairs) excuse(`${sender} ${pairKey(pair)}`)
  }
  // The receiver kept silent: the log has the attempt, but not the receipt's number.
  for (const attempt of evidence.attempts) {
    if (attempt.response === null) excuse(`${senderOf(attempt)} ${pairKey(attempt)}`)
  }
  return evidence.receipts
    .filter(({ number }) => !logged.has(number))
    .filter((receipt) => {
      const key = `${receipt.sender} ${pairKey(receipt)}`
      const left = excuses.get(key) ?? 0
      excuses.set(key, left - 1)
      return left <= 0
    })
}

/**
 * A claim is not waited for until it is on disk. Postgres brings it there within three times its
 * `wal_writer_delay` of 200 ms; a server that dies before has forgotten it, and what was sent under
 * it can no longer settle.
 * https://www.postgresql.org/docs/current/wal-async-commit.html
 */
const unflushedMs = 600
/** From a claim's answer until its requests have come, on a loaded machine. */
const longestWayMs = 1_000

function mayBeForgotten({ serverCrashes }: Evidence, { at }: Receipt): boolean {
  return serverCrashes.some((crash) => at > crash - unflushedMs && at < crash + longestWayMs)
}

function toRepetition(receipt: Receipt): Breach {
  const { number, sender } = receipt
  return breach(
    'only a kill repeats a request',
    `request ${number} (${pairKey(receipt)} by ${sender}) is in no log, and no kill explains it`,
  )
}

function findGaps(evidence: Evidence): Breach[] {
  const attemptsOf = Map.groupBy(evidence.attempts, ({ deliveryId }) => deliveryId)
  const receipts = new Map(evidence.receipts.map((receipt) => [receipt.number, receipt]))
  const owed = new Set(evidence.events.map(({ id }) => id))
  const gaps: string[] = []
  for (const { id, status, attempts: count } of evidence.deliveries) {
    const attempts = attemptsOf.get(id) ?? []
    if (status !== 'succeeded') gaps.push(`${id} is ${status}`)
    // No attempt of this test is the sender's own fault, so none shares its number.
    if (attempts.some(({ number }, index) => number !== index + 1) || attempts.length !== count) {
      const numbers = attempts.map(({ number }) => number).join(', ')
      gaps.push(`${id} counts ${count} attempts, and its log has numbers ${numbers || 'none'}`)
    }
    const last = attempts.length - 1
    if (attempts.some(({ succeeded }, index) => succeeded !== (index === last))) {
      gaps.push(`${id} has a success elsewhere than at its end, or none`)
    }
  }
  for (const attempt of evidence.attempts) gaps.push(...contradictions(attempt, receipts))
  if (evidence.deliveries.length !== owed.size * evidence.urls.length) {
    gaps.push(`${evidence.deliveries.length} deliveries for ${owed.size} events`)
  }
  return gaps.map((what) => breach('the log tells what happened', what))
}

/** What the receiver's notes say against an entry of the log. */
function contradictions(attempt: Attempt, receipts: Map<number, Receipt>): string[] {
  if (attempt.response === null) return []
  const receipt = receipts.get(receiptOf(attempt) ?? -1)
  if (receipt === undefined) return [`${attempt.id} was answered, and no request came`]
  const isSame =
    pairKey(receipt) === pairKey(attempt) &&
    receipt.sender === senderOf(attempt) &&
    receipt.status === attempt.response.status
  return isSame
    ? []
    : [`${attempt.id} is not the request ${receipt.number} that it was answered by`]
}

function receiptOf({ response }: Attempt): number | undefined {
  const number = response?.headers['x-receipt']
  return number === undefined ? undefined : Number(number)
}

function senderOf({ requestHeaders }: Attempt): string {
  return requestHeaders['user-agent'] ?? ''
}

function breach(promise: Promised, what: string): Breach {
  return { promise, what }
}
