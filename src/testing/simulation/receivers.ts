import type { AttemptError, AttemptResponse } from '../../model.ts'
import type { Dice } from './dice.ts'
import type { AskedWait } from './observed.ts'
import { drawRetryAfter } from './retry-after.ts'

/** How a receiver is at present. */
export type Mood = 'well' | 'flaky' | 'slow' | 'dripping' | 'busy' | 'down' | 'gone' | 'odd'

const moods: Readonly<Record<Mood, number>> = {
  well: 4,
  flaky: 4,
  slow: 1,
  dripping: 1,
  busy: 3,
  down: 2,
  gone: 0.5,
  odd: 1,
}

/** What becomes of one request. */
export interface Fate {
  /** When it reaches the receiver, in ms from its start; `null`: never. */
  arrivesAfterMs: number | null
  /** When its sender hears the end of it; infinite: never by itself. */
  endsAfterMs: number
  response: AttemptResponse | null
  error: AttemptError | null
  asked: AskedWait
  /** Whether the status line came before the end: a body that drips past the deadline. */
  headCame: boolean
}

export function drawMood(dice: Dice): Mood {
  return dice.weighted(moods)
}

/** Draws what becomes of a request to a receiver in this mood. */
export function drawFate(mood: Mood, dice: Dice, timeoutMs: number, nowMs: number): Fate {
  switch (mood) {
    case 'well':
      return answers(dice, 200)
    case 'flaky':
      if (dice.chance(0.4)) return answers(dice, dice.pick([200, 201, 204]))
      return dice.chance(0.5) ? answers(dice, dice.pick([400, 404, 500, 501])) : breaks(dice)
    case 'slow':
      return { ...answers(dice, 200), endsAfterMs: dice.between(timeoutMs / 2, timeoutMs * 2) }
    case 'dripping':
      return { ...answers(dice, 200), endsAfterMs: timeoutMs * 4, headCame: true }
    case 'busy':
      return isBusy(dice, nowMs)
    case 'down':
      return dice.chance(0.5) ? never(dice) : breaks(dice)
    case 'gone':
      return answers(dice, 410)
    case 'odd':
      return answers(dice, dice.pick([100, 301, 302, 307, 308, 304, 418, 599]))
  }
}

function answers(dice: Dice, status: number): Fate {
  const arrivesAfterMs = dice.between(0, 20)
  return {
    arrivesAfterMs,
    endsAfterMs: arrivesAfterMs + dice.between(1, 50),
    response: { status, headers: {}, body: '', bodyTruncated: false },
    error: null,
    asked: null,
    headCame: false,
  }
}

function isBusy(dice: Dice, nowMs: number): Fate {
  const fate = answers(dice, dice.pick([429, 429, 502, 503, 504, 500]))
  if (fate.response === null || dice.chance(0.3)) return fate
  const { header, asks } = drawRetryAfter(dice, nowMs)
  fate.response.headers = { 'retry-after': header }
  return { ...fate, asked: asks }
}

/** Says nothing: the request is lost on its way, or the answer is. */
function never(dice: Dice): Fate {
  const arrivesAfterMs = dice.chance(0.5) ? dice.between(0, 20) : null
  const silence = { response: null, error: null, asked: null, headCame: false }
  return { arrivesAfterMs, endsAfterMs: Number.POSITIVE_INFINITY, ...silence }
}

const breakages: readonly { error: AttemptError; mayArrive: boolean }[] = [
  failure('connection_refused', 'network', false),
  failure('connect_timeout', 'network', false),
  failure('connection_reset', 'network', true),
  failure('invalid_response', 'receiver', true),
  failure('tls_failed', 'network', false),
  failure('dns_not_found', 'network', false),
  failure('dns_failed', 'sender', false),
  failure('address_refused', 'sender', false),
]

function failure(code: AttemptError['code'], origin: AttemptError['origin'], mayArrive: boolean) {
  return { error: { code, origin, message: `simulated: ${code}` }, mayArrive }
}

function breaks(dice: Dice): Fate {
  const { error, mayArrive } = dice.pick(breakages)
  const endsAfterMs = dice.between(0, 50)
  const arrivesAfterMs = mayArrive && dice.chance(0.7) ? endsAfterMs : null
  return { arrivesAfterMs, endsAfterMs, response: null, error, asked: null, headCame: false }
}
