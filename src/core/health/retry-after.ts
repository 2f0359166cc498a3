/** In characters; a date takes 37. */
const longest = 256

/**
 * Reads a Retry-After header (RFC 9110, section 10.2.3): seconds, or an HTTP date.
 *
 * Of several, joined by commas as HTTP joins headers of one name, the longest wait counts.
 *
 * Only forms of the RFC count. `Date.parse` alone would take `1` for the year 2001 and `-5` for a
 * day in May.
 *
 * @returns Milliseconds from `now`, at most `maxMs`; `null` for a missing or malformed value.
 */
export function parseRetryAfter(
  value: string | undefined,
  { now, maxMs }: { now: Date; maxMs: number },
): number | null {
  if (value === undefined || value.length > longest) return null
  const waitsMs = valuesOf(value).map((text) =>
    isDigits(text) ? Number(text) * 1000 : httpDate(text) - now.getTime(),
  )
  // NaN if one of them is.
  const waitMs = Math.max(0, ...waitsMs)
  return Number.isNaN(waitMs) ? null : Math.min(waitMs, maxMs)
}

/** Split at commas, but not at the one after the day of a date. */
function valuesOf(text: string): string[] {
  return text.split(/,(?!\s*\d{2}[ -][A-Z])/).map((part) => part.trim())
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text)
}

/** The preferred form of an HTTP date and its two obsolete ones (RFC 9110, section 5.6.7). */
const httpDateForms = [
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

function httpDate(text: string): number {
  if (!httpDateForms.some((form) => form.test(text))) return Number.NaN
  // The third form names no zone; all three are in UTC.
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
}
