/**
 * Values on their way to Postgres and back. All of them travel as text, also arrays: every driver
 * can carry a string, and none changes it.
 */

/** Stands before the code unit of a character that cannot travel as it is. */
const mark = '\u001a'
/** Between the texts of a list, and in place of one that is not there. */
const separator = '\u001f'
const absent = '\u001e'
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are the ones to find
const unsendable = /[\0\u001a\u001e\u001f\p{Surrogate}]/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark is one
const marked = /\u001a([0-9a-f]{4})/g

/**
 * Text as Postgres can hold it: it refuses U+0000, and lone surrogates have no form in UTF-8. Such
 * a character becomes U+001A (SUBSTITUTE) and four hexadecimal digits; so do U+001A itself, so that
 * different texts stay different, and what has a meaning in lists.
 */
export function encodeText(text: string): string {
  return isSendable(text) ? text : encodeEach(text)
}

function isSendable(text: string): boolean {
  return !text.includes(separator) && !text.includes(absent) && isStorable(text)
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && !text.includes(mark) && text.isWellFormed()
}

function encodeEach(text: string): string {
  return text.replace(unsendable, (character) => {
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

/**
 * A `text[]` in one text, for the server to take apart: of a write with many rows, that costs both
 * sides half of what an array literal does, with its quotes and what is escaped between them.
 */
export class TextList {
  /** Encoded already. A separator stands before each text, so that one empty text is not none. */
  readonly text: string

  constructor(values: readonly (string | null)[]) {
    const joined = join(values)
    this.text = isJoinedOf(values, joined)
      ? joined
      : join(values.map((value) => value && encodeText(value)))
  }

  /** What takes apart the list in a parameter. */
  static sql(param: string): string {
    return `(string_to_array(${param}::text, chr(31), chr(30)))[2:]`
  }
}

function join(values: readonly (string | null)[]): string {
  return values.length === 0
    ? ''
    : separator + values.map((value) => value ?? absent).join(separator)
}

/** Whether none of the values needs to be encoded. */
function isJoinedOf(values: readonly (string | null)[], joined: string): boolean {
  const absences = values.reduce((count, value) => count + (value === null ? 1 : 0), 0)
  return (
    countOf(separator, joined) === values.length &&
    countOf(absent, joined) === absences &&
    isStorable(joined)
  )
}

function countOf(character: string, text: string): number {
  let count = 0
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) count += 1
  return count
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
