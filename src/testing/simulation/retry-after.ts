import type { Dice } from './dice.ts'
import type { AskedWait } from './observed.ts'

/** A Retry-After header and what it means; `asks: null` for one that means nothing. */
export interface RetryAfter {
  header: string
  asks: AskedWait
}

/** A Retry-After of some shape, as receivers in the wild send them. */
export function drawRetryAfter(dice: Dice, nowMs: number): RetryAfter {
  const seconds = dice.pick([0, 1, 7, 60, 3_600, 200_000])
  const untilMs = Math.floor(nowMs / 1_000) * 1_000 + seconds * 1_000
  const date = new Date(untilMs)
  const shapes: RetryAfter[] = [
    { header: String(seconds), asks: { forMs: seconds * 1_000 } },
    { header: ` ${seconds} `, asks: { forMs: seconds * 1_000 } },
    { header: date.toUTCString(), asks: { untilMs } },
    { header: rfc850(date), asks: { untilMs } },
    { header: asctime(date), asks: { untilMs } },
    { header: '99999999999', asks: { forMs: 99_999_999_999_000 } },
    { header: '-5', asks: null },
    { header: '1.5', asks: null },
    { header: 'soon', asks: null },
    { header: '', asks: null },
  ]
  return dice.pick(shapes)
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 9110, section 5.6.7, obsolete). */
function rfc850(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(' ')
  return `${days[date.getUTCDay()]}, ${day}-${month}-${year?.slice(2)} ${time} GMT`
}

/** `Sun Nov  6 08:49:37 1994` (RFC 9110, section 5.6.7, obsolete). */
function asctime(date: Date): string {
  const [weekday, , month, year, time] = date.toUTCString().split(' ')
  const day = String(date.getUTCDate()).padStart(2)
  return `${weekday?.slice(0, 3)} ${month} ${day} ${time} ${year}`
}
