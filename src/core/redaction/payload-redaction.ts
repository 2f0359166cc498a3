import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import type { EventRegistry } from '../events/registry.ts'
import { copyError } from './error-copy.ts'
import { redacted, type Scrub, scrubber } from './scrub.ts'

/** What is hidden from those who look at events and attempts. */
export interface RedactOptions {
  /**
   * Up to 50 paths into the events' data, keys joined by dots, `*` for every key or index:
   * `user.email`, `recipients.*.email`. What they lead to is sent and stored as it is, and reads
   * `[redacted]` in `events.list`, `events.get`, recorded answers and errors. Default none.
   */
  payloadPaths?: readonly string[] | undefined
}

const mostPaths = 50
const longestPath = 256

/** Hides chosen fields of payloads. */
export class PayloadRedaction {
  readonly #paths: readonly (readonly string[])[]

  /** @throws WebhooksError `invalid_option` */
  constructor(options: RedactOptions = {}) {
    const { payloadPaths = [] } = checkOptions('redact', options, ['payloadPaths'])
    if (!Array.isArray(payloadPaths) || payloadPaths.length > mostPaths) {
      throw invalid(`must be a list of at most ${mostPaths} paths`)
    }
    this.#paths = payloadPaths.map(readPath)
  }

  /** An event's body as it is shown. */
  show(body: string): string {
    if (this.#paths.length === 0) return body
    const shown = JSON.parse(body) as { data: unknown }
    for (const path of this.#paths) replaceAt(shown, ['data', ...path])
    return JSON.stringify(shown)
  }

  /** The texts to be hidden in a body, to find them where somebody repeats them. */
  textsInBody(body: string): string[] {
    return this.#paths.length === 0
      ? []
      : this.#textsIn((JSON.parse(body) as { data: unknown }).data)
  }

  /**
   * Checks an event's data. A schema's own messages may quote what they refuse.
   *
   * @throws WebhooksError as {@link EventRegistry.parse}
   */
  parse(registry: EventRegistry, type: string, data: unknown): unknown {
    try {
      return registry.parse(type, data)
    } catch (error) {
      if (this.#paths.length === 0 || !(error instanceof WebhooksError)) throw error
      throw scrubbed(error, scrubber(this.#textsIn(data)))
    }
  }

  #textsIn(data: unknown): string[] {
    return this.#paths.flatMap((path) => valuesAt(data, path)).flatMap(textsOf)
  }
}

function readPath(path: unknown): string[] {
  const keys = typeof path === 'string' && path.length <= longestPath ? path.split('.') : ['']
  if (!keys.includes('')) return keys
  throw invalid(
    `must hold texts of at most ${longestPath} characters, keys joined by dots, such as user.email`,
  )
}

/** The keys that a step of a path leads to; own ones only, so that no prototype is ever touched. */
function keysAt(value: object, key: string): string[] {
  if (key === '*') return Object.keys(value)
  return Object.hasOwn(value, key) ? [key] : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function replaceAt(value: unknown, [key = '', ...rest]: readonly string[]): void {
  if (!isObject(value)) return
  for (const found of keysAt(value, key)) {
    if (rest.length === 0) value[found] = redacted
    else replaceAt(value[found], rest)
  }
}

function valuesAt(value: unknown, [key, ...rest]: readonly string[]): unknown[] {
  if (key === undefined) return [value]
  if (!isObject(value)) return []
  return keysAt(value, key).flatMap((found) => valuesAt(value[found], rest))
}

/** Data before its check may hold itself; deeper than this nobody declares a field. */
const deepest = 32

function textsOf(value: unknown, depth = 0): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (!isObject(value) || depth === deepest) return []
  return Object.values(value).flatMap((inner) => textsOf(inner, depth + 1))
}

function scrubbed(error: WebhooksError, scrub: Scrub): WebhooksError {
  const { code, message, issues, cause } = error
  return new WebhooksError(code, scrub(message), {
    cause: cause === undefined ? undefined : copyError(cause, scrub),
    issues: issues.map((issue) => ({ ...issue, message: scrub(issue.message) })),
  })
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', `redact.payloadPaths ${message}`)
}
