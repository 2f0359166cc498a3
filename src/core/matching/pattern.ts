import { WebhooksError } from '../../errors.ts'
import { isEventName } from '../events/event-name.ts'
import { quote } from '../issues.ts'

/**
 * Tells whether an event pattern covers a name. A pattern is an exact name, `document.*` for
 * every name below `document` at any depth (and not `document` itself), or `*` for all names.
 *
 * Takes at most one pass over the shorter of the two: there is nothing to backtrack into, because
 * a star stands only at the end. Texts that {@link validatePattern} refuses cover nothing but a
 * name spelled the same.
 *
 * @example
 * matchesPattern('document.*', 'document.page.added') // true
 * matchesPattern('document.*', 'document') // false
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === '*') return true
  if (!pattern.endsWith('.*')) return pattern === name
  const prefix = pattern.slice(0, -1)
  return name.length > prefix.length && name.startsWith(prefix)
}

/**
 * Lets an event pattern pass: an exact name, a name followed by `.*`, or `*`.
 *
 * @throws WebhooksError `invalid_pattern` for everything else, stars in other places included.
 */
export function validatePattern(pattern: unknown): string {
  if (typeof pattern !== 'string') {
    throw new WebhooksError(
      'invalid_pattern',
      'An event pattern must be a text such as "document.processed", "document.*" or "*".',
    )
  }
  if (pattern === '*') return pattern
  const name = pattern.endsWith('.*') ? pattern.slice(0, -2) : pattern
  if (isEventName(name)) return pattern
  throw new WebhooksError(
    'invalid_pattern',
    name.includes('*')
      ? `Event pattern ${quote(pattern)} has a star in a place where it means nothing. A star ` +
          'stands alone ("*", everything) or after the last dot ("document.*", all below). ' +
          'List the exact names instead.'
      : `${quote(pattern)} is not an event pattern. Use an exact name ("document.processed"), ` +
          'all names below one ("document.*"), or "*".',
  )
}
