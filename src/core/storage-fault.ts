import { WebhooksError } from '../errors.ts'
import type { EndpointSettings, NewEvent, StorageFault } from '../storage/storage.ts'
import { copyError, longestMessage } from './redaction/error-copy.ts'
import type { PayloadRedaction } from './redaction/payload-redaction.ts'
import { scrubber } from './redaction/scrub.ts'

/** Of a longer body a message has no room for more than a piece. */
const longestBody = 16 * longestMessage

/** What of a call's parameters must not come back in its error. */
interface Parameters {
  endpoint?: EndpointSettings
  changes?: Partial<EndpointSettings>
  events?: NewEvent[]
}

/**
 * A storage's fault as callers and logs see it. Query builders write the values of a statement into
 * their messages, and drivers hang them on their errors: what was secret in the call is taken out,
 * and of the driver's error a copy is kept, with its plain properties only.
 */
export function storageFault(
  method: string,
  { params, error, meaning }: { params: unknown; error: unknown; meaning: StorageFault | null },
  redaction: PayloadRedaction,
): WebhooksError {
  const scrub = scrubber(secretsIn((params ?? {}) as Parameters, redaction))
  const cause = copyError(error, scrub)
  const what = `The storage failed in ${method}: ${cause.message}`
  if (meaning === null) return new WebhooksError('storage_failed', what, { cause })
  return new WebhooksError(meaning.code, `${what.replace(/\.$/, '')}. ${meaning.wayOut}`, { cause })
}

function secretsIn(
  { endpoint, changes, events = [] }: Parameters,
  redaction: PayloadRedaction,
): string[] {
  const settings = [endpoint, changes].filter((given) => given !== undefined)
  return [
    ...settings.flatMap(({ secrets = [] }) => secrets.map(({ value }) => value)),
    ...settings.flatMap(({ headers = {} }) => Object.values(headers)),
    ...events.flatMap(({ body }) => redaction.textsInBody(body)),
    ...events.map(({ body }) => body).filter(({ length }) => length <= longestBody),
  ]
}
