import { WebhooksError } from '../errors.ts'
import type { EndpointSettings, NewEvent } from '../storage/storage.ts'
import type { PayloadRedaction } from './payload-redaction.ts'
import { type Scrub, scrubber } from './scrub.ts'

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
  { params, error }: { params: unknown; error: unknown },
  redaction: PayloadRedaction,
): WebhooksError {
  const scrub = scrubber(secretsIn((params ?? {}) as Parameters, redaction))
  const cause = copyOf(error, scrub)
  return new WebhooksError('storage_failed', `The storage failed in ${method}: ${cause.message}`, {
    cause,
  })
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
    // A longer body does not fit into a message: see `shorten`.
    ...events.map(({ body }) => body).filter(({ length }) => length <= longestBody),
  ]
}

/** Causes of causes of causes. */
const deepest = 3

function copyOf(error: unknown, scrub: Scrub, depth = 0): Error {
  if (typeof error === 'string') return new Error(shorten(scrub(error)))
  if (!(error instanceof Error)) return new Error(`a thrown ${typeof error}`)
  const cause =
    error.cause === undefined || depth === deepest
      ? undefined
      : { cause: copyOf(error.cause, scrub, depth + 1) }
  const copy = new Error(shorten(scrub(error.message || codeOf(error))), cause)
  Object.defineProperty(copy, 'name', { value: error.name, configurable: true, writable: true })
  copy.stack = `${copy.name}: ${copy.message}\n${scrub(framesOf(error))}`
  for (const [key, value] of Object.entries(error)) {
    const plain = typeof value === 'number' || typeof value === 'boolean'
    // Longer texts are statements with the values in them.
    const short = typeof value === 'string' && value.length <= longestProperty
    if (plain || short) define(copy, key, short ? scrub(value) : value)
  }
  return copy
}

/** Some errors of Node, such as that of a refused connection, have a code and no message. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}

/** The lines of a stack below its message, which stands at its head. */
function framesOf({ stack = '' }: Error): string {
  return stack.split('\n').filter(isFrame).join('\n')
}

function isFrame(line: string): boolean {
  return line.startsWith('    at ')
}

function define(target: Error, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

const longestBody = 8_192
const longestProperty = 200
const longestMessage = 500

/** Keeps both ends: query builders begin with the statement, and end with what was wrong. */
function shorten(message: string): string {
  if (message.length <= longestMessage) return message
  const half = longestMessage / 2
  return `${message.slice(0, half)} … ${message.slice(-half)}`
}
