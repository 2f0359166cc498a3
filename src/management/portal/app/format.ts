/** Characters that would be invisible, or turn the text around them. */
const unseen = /(?![\n\t])[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** A text of somebody else's, so that everything in it can be seen. */
export function visible(text: string): string {
  return text.replace(
    unseen,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A body as people read it: JSON indented, all else as it is. */
export function prettyBody(text: string): string {
  try {
    return visible(JSON.stringify(JSON.parse(text), null, 2))
  } catch {
    return visible(text.replaceAll('\r\n', '\n'))
  }
}

/** `240 ms`, `1.2 s`, `3 min`, `2 h`, `5 days` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1_000)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 48 * 3_600_000) return `${trim(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

function trim(value: number): string {
  return String(Math.round(value * 10) / 10)
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** `3 minutes ago`, `in 2 hours` */
export function fromNow(instant: Date, now: number): string {
  const seconds = (instant.getTime() - now) / 1_000
  const size = Math.abs(seconds)
  if (size < 5) return 'just now'
  if (size < 60) return relative.format(Math.trunc(seconds), 'second')
  if (size < 3_600) return relative.format(Math.trunc(seconds / 60), 'minute')
  if (size < 48 * 3_600) return relative.format(Math.trunc(seconds / 3_600), 'hour')
  return relative.format(Math.trunc(seconds / 86_400), 'day')
}

const exactly = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'long',
})

/** `28 Nov 2026, 13:07:12 CET` */
export function exact(instant: Date): string {
  return exactly.format(instant)
}

const counts = new Intl.NumberFormat('en')

/** `12,345` */
export function count(value: number): string {
  return counts.format(value)
}

/** `1 delivery`, `2 deliveries` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** `99.8 %`; 100 only where nothing failed. */
export function percent(share: number): string {
  const value = share === 1 ? 100 : Math.min(99.9, Math.round(share * 1_000) / 10)
  return `${value} %`
}
