/** Reads what people write after options. */
import { InvalidArgumentError, Option } from 'commander'

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500`, `500ms`, `2s`, `5m`, `1h`, `3d`: milliseconds. */
function duration(text: string): number {
  const [, amount, unit = 'ms'] = /^(\d{1,15}(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? []
  if (amount === undefined) {
    throw new InvalidArgumentError('Write a duration such as 500ms, 2s, 5m, 24h or 3d.')
  }
  return Number(amount) * (units[unit] ?? 1)
}

/** A duration that somebody waits for: Node's timers hold no more than 24 days. */
export function waitingTime(text: string): number {
  const ms = duration(text)
  if (ms <= 86_400_000) return ms
  throw new InvalidArgumentError('Write a duration of a day (24h) at most.')
}

/** ISO 8601, seconds since 1970, or a duration, which counts back from now. */
export function instant(text: string): Date {
  if (/^\d{10}$/.test(text)) return new Date(Number(text) * 1000)
  const date = /^\d+(?:\.\d+)?(s|m|h|d)$/.test(text)
    ? new Date(Date.now() - duration(text))
    : new Date(isIso(text) ? text : Number.NaN)
  if (!Number.isNaN(date.getTime())) return date
  throw new InvalidArgumentError(
    'Write an instant such as 2026-11-23T20:15:04Z, 2026-11-23, seconds since 1970, or 24h for ' +
      '24 hours ago.',
  )
}

function isIso(text: string): boolean {
  return /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`)
  }
}

/** For options that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** `name: value`, as in a request. */
export function header(text: string, before: [string, string][] = []): [string, string][] {
  const colon = text.indexOf(':')
  const name = text.slice(0, colon).trim().toLowerCase()
  if (colon < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) {
    throw new InvalidArgumentError("Write a header as 'name: value'.")
  }
  return [...before, [name, text.slice(colon + 1).trim()]]
}

/** Where requests go: `http:` or `https:`. */
export function httpUrl(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text
  throw new InvalidArgumentError('Write a URL that begins with http:// or https://.')
}

export function toleranceOption(): Option {
  return new Option('--tolerance <duration>', 'how far the timestamp may be from now')
    .argParser(duration)
    .default(300_000, '5m')
}
