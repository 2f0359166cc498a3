/** What stands where something secret was. */
export const redacted = '[redacted]'

/** Takes what is known to be secret out of a text. */
export type Scrub = (text: string) => string

/** Shorter texts turn up by chance, and replacing them would only make holes into others. */
const shortest = 4

/**
 * Builds a function that replaces each of these texts, as they are and as JSON writes them,
 * wherever they occur. What repeats them in another form (encoded, cut in two) is not found.
 */
export function scrubber(secrets: readonly string[]): Scrub {
  const wanted = [...new Set(secrets.flatMap(spellings))]
    .filter((text) => text.length >= shortest)
    // One may be a part of another: the longest goes first.
    .sort((one, other) => other.length - one.length)
  return (text) => wanted.reduce((rest, secret) => rest.replaceAll(secret, redacted), text)
}

function spellings(text: string): string[] {
  const inJson = JSON.stringify(text).slice(1, -1)
  return inJson === text ? [text] : [text, inJson]
}
