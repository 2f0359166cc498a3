/**
 * Values on their way to Postgres and back. All of them travel as text, arrays as array literals:
 * every driver can carry a string, and none changes it.
 */

/** Stands before the code unit of a character that text in Postgres cannot hold. */
const mark = '\u001a'
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are the ones to find
const unstorable = /[\0\u001a\p{Surrogate}]/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark is one
const marked = /\u001a([0-9a-f]{4})/g

/**
 * Text as Postgres can hold it: it refuses U+0000, and lone surrogates have no form in UTF-8. Such
 * a character becomes U+001A (SUBSTITUTE) and four hexadecimal digits; so does a U+001A itself, so
 * that different texts stay different.
 */
export function encodeText(text: string): string {
  if (!text.includes('\0') && !text.includes(mark) && text.isWellFormed()) return text
  return text.replace(unstorable, (character) => {
    return mark + character.charCodeAt(0).toString(16).padStart(4, '0')
  })
}

export function decodeText(stored: string): string {
  if (!stored.includes(mark)) return stored
  return stored.replace(marked, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
}

/** A `text[]`, its elements not encoded yet: that is done to all of a statement's parameters. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map(quoteElement).join(',')}}`
}

function quoteElement(text: string | null): string {
  if (text === null) return 'NULL'
  const escaped = text.includes('\\') ? text.replaceAll('\\', '\\\\') : text
  return `"${escaped.replaceAll('"', '\\"')}"`
}

/** An array of numbers or booleans, of whichever type the statement takes. */
export function plainArray(values: readonly (number | boolean | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

/** A `bigint[]` of epoch milliseconds. */
export function instantArray(values: readonly (Date | null)[]): string {
  return `{${values.map((value) => value?.getTime() ?? 'NULL').join(',')}}`
}

/** JSON text; SQL's NULL for `null`. JSON escapes whatever Postgres could not hold. */
export function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
