import type { WebhooksErrorIssue } from '../errors.ts'

/** How many issues a message spells out; all of them are in the error's `issues`. */
const spelledOut = 3

/** Words of the caller inside a message: quoted, escaped, and cut where they are long. */
export function quote(text: unknown, maxLength = 64): string {
  const words = typeof text === 'string' ? text : String(text)
  return words.length <= maxLength
    ? JSON.stringify(words)
    : `${JSON.stringify(words.slice(0, maxLength))}…`
}

/** Findings as one sentence: `and[0].path: must not be empty; …`. */
export function describeIssues(issues: readonly WebhooksErrorIssue[]): string {
  const sentences = issues.slice(0, spelledOut).map(({ path, message }) => {
    const place = describePath(path)
    return place === '' ? message : `${place}: ${message}`
  })
  const more = issues.length - sentences.length
  return more > 0 ? `${sentences.join('; ')}; and ${more} more` : sentences.join('; ')
}

function describePath(path: readonly (string | number)[]): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? key : `.${key}`
  }
  return text
}
