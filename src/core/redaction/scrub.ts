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
  const given = secrets.filter(({ length }) => length >= shortest)
  // No spelling is shorter than the text. Most texts, such as the headers of an answer, are: for
  // those nothing needs to be spelled.
  const least = Math.min(...given.map(({ length }) => length))
  let wanted: string[] | undefined
  return (text) => {
    if (text.length < least) return text
    wanted ??= spellingsOf(given)
    return wanted.reduce((rest, secret) => rest.replaceAll(secret, redacted), text)
  }
}

/** One may be a part of another: the longest goes first. */
function spellingsOf(secrets: readonly string[]): string[] {
  const all = [...new Set(secrets.flatMap(spellings))]
  return all.sort((one, other) => other.length - one.length)
}

function spellings(text: string): string[] {
  const once = inJson(text)
  return [text, once, inJson(once), encodeURIComponent(text.toWellFormed())]
}

/** A text as it stands between the quotes of a JSON text. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
