import { WebhooksError } from '../../errors.ts'
import { quote } from '../issues.ts'

/** Longest name of an event type, in characters. */
const maxEventNameLength = 128

/** The library's own event type, sent by `endpoints.test`. Nobody else can declare it. */
export const testEventName = 'webhook.test'

/**
 * Standard Webhooks 1.0.0, "Event types": a full-stop delimited name whose groups consist of
 * `[a-zA-Z0-9_]`. The full stop is in none of the groups, so that there is only one way to read a
 * text and the expression takes linear time.
 */
const namePattern = /^[a-zA-Z0-9_]+(?:\.[a-zA-Z0-9_]+)*$/

/** Tells whether a text can name an event type: `document.processed`, at most 128 characters. */
export function isEventName(name: string): boolean {
  return name.length <= maxEventNameLength && namePattern.test(name)
}

/**
 * Lets a name pass under which a host may declare an event type.
 *
 * @throws WebhooksError `invalid_event_name`
 */
export function validateEventName(name: string): string {
  if (!isEventName(name)) {
    throw new WebhooksError(
      'invalid_event_name',
      `${quote(name)} cannot name an event type. Use groups of letters, digits and underscores ` +
        `joined by dots, such as "order.paid", of at most ${maxEventNameLength} characters.`,
    )
  }
  if (name === testEventName) {
    throw new WebhooksError(
      'invalid_event_name',
      `"${testEventName}" is reserved for the library's own test event. Choose another name.`,
    )
  }
  return name
}

/** Characters that come first to mind as separators, and that no event name holds. */
type ForeignCharacter = ' ' | '-' | '/' | ':' | '*' | '#' | '@' | ','

/**
 * The invalid names that a type can tell at little cost: the rule in full is checked at run time.
 */
export type InvalidEventName =
  | ''
  | `.${string}`
  | `${string}.`
  | `${string}..${string}`
  | `${string}${ForeignCharacter}${string}`
  | typeof testEventName
