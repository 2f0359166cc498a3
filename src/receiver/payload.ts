import { WebhooksError } from '../errors.ts'

/**
 * A verified event.
 *
 * @typeParam Type - The event type's name, such as `'document.processed'`.
 * @typeParam Data - The shape of its data. A promise of the caller's: verifying does not check it.
 */
export interface WebhookPayload<Type extends string = string, Data = unknown> {
  /** `webhook-id`: the same on every retry. Handle each id once. */
  id: string
  /** Name of the event type; empty if the body has no `type`. */
  type: Type
  /** When the event happened; the time of this attempt if the body has no `timestamp`. */
  timestamp: Date
  /** The event's data; the whole body if it has no `data`. */
  data: Data
}

/**
 * Reads a verified body. Our sender writes `{ type, timestamp, data }`; Standard Webhooks only
 * recommends that, and lets the data stand at the top level or the body be empty, so a genuine
 * request of another shape is handed over rather than refused.
 *
 * @throws WebhooksError `signature_body_invalid` for a body that is not JSON.
 */
export function readPayload(body: Uint8Array, { id, sentAt }: { id: string; sentAt: Date }) {
  const value = parseJson(body)
  const { type, timestamp, data } = isRecord(value) ? value : {}
  return {
    id,
    type: typeof type === 'string' ? type : '',
    timestamp: readInstant(timestamp) ?? sentAt,
    data: data === undefined ? value : data,
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    // The parser's message quotes the body, which belongs into nobody's log.
    throw new WebhooksError(
      'signature_body_invalid',
      'The signature is genuine, but the body is not JSON in UTF-8. Ask the sender what it sends.',
    )
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** ISO 8601 only: `Date` reads almost anything, `'1'` as the year 2001. */
function readInstant(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined
  const instant = new Date(value)
  return Number.isNaN(instant.getTime()) ? undefined : instant
}
