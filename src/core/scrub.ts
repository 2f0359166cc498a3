/** What stands where something secret was. */
export const redacted = '[redacted]'

/** Takes what is known to be secret out of a text. */
export type Scrub = (text: string) => string

/** Shorter texts turn up by chance, and replacing them would only make holes into others. */
const shortest = 4

/**
 * Builds a function that replaces each of these texts wherever it occurs: as it is, in JSON (and in
 * JSON inside JSON), or in a URL. Other forms of it (in HTML, in base64, cut in two) are not found.
 */
export function scrubber(secrets: readonly string[]): Scrub {
  const wanted = [...new Set(secrets.filter(({ length }) => length >= shortest).flatMap(spellings))]
  // One may be a part of another: the longest goes first.
  wanted.sort((one, other) => other.length - one.length)
  // Most texts, such as the headers of an answer, are shorter than what is looked for.
  const least = wanted.at(-1)?.length ?? Number.POSITIVE_INFINITY
  return (text) =>
    text.length < least
      ? text
      : wanted.reduce((rest, secret) => rest.replaceAll(secret, redacted), text)
}

function spellings(text: string): string[] {
  const once = inJson(text)
  return [text, once, inJson(once), encodeURIComponent(text.toWellFormed())]
}

/** A text as it stands between the quotes of a JSON text. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
