import { WebhooksError } from '../../errors.ts'

/**
 * The body of a request: what Standard Webhooks recommends as payload structure. Written once, at
 * emit; the stored text is what every attempt signs and sends.
 *
 * @throws WebhooksError `payload_not_serializable` if `data` holds what JSON cannot say: silently
 * losing it would be worse. `payload_too_large` beyond `maxBytes` of UTF-8.
 */
export function serializeBody(
  event: { type: string; createdAt: Date; data: unknown },
  maxBytes: number,
): string {
  const body = write(event)
  // A character takes three bytes at most: counting is for bodies that come near the limit.
  const bytes = body.length * 3 <= maxBytes ? 0 : Buffer.byteLength(body)
  if (bytes > maxBytes) {
    throw new WebhooksError(
      'payload_too_large',
      `The payload of "${event.type}" takes ${bytes} bytes; at most ${maxBytes} are sent. ` +
        'Send a reference that the receiver can fetch, or raise limits.payloadBytes.',
    )
  }
  return body
}

function write({
  type,
  createdAt,
  data,
}: {
  type: string
  createdAt: Date
  data: unknown
}): string {
  try {
    assertJson(data, ['data'], new Set())
    return JSON.stringify({ type, timestamp: isoText(createdAt), data })
  } catch (error) {
    if (error instanceof WebhooksError) throw error
    // Nested deeper than the stack, or a getter or a toJSON of the data's own that threw.
    const reason = error instanceof RangeError ? 'it is nested too deeply' : 'reading it threw'
    throw new WebhooksError(
      'payload_not_serializable',
      `The payload of "${type}" cannot be written as JSON: ${reason}. Convert it before emit.`,
      { cause: error },
    )
  }
}

let lastMs = Number.NaN
let lastText = ''

/** Kept for the next event: many share their millisecond, and writing it anew is not cheap. */
function isoText(instant: Date): string {
  const ms = instant.getTime()
  if (ms !== lastMs) {
    lastText = instant.toISOString()
    lastMs = ms
  }
  return lastText
}

/** Where the check is at. One for the whole walk: most values are fine, and need no copy of it. */
type Path = (string | number)[]

/** Refuses what `JSON.stringify` would throw on, drop, or turn into something else. */
function assertJson(value: unknown, path: Path, ancestors: Set<object>): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) refuse(path, `${value} would become null`)
      return
    case 'object':
      if (value !== null) assertJsonObject(value, path, ancestors)
      return
    default:
      refuse(path, `a ${typeof value} has no form in JSON`)
  }
}

function assertJsonObject(value: object, path: Path, ancestors: Set<object>): void {
  if (ancestors.has(value)) refuse(path, 'it contains itself')
  if (value instanceof Date && Number.isNaN(value.getTime())) refuse(path, 'the date is invalid')
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    assertJson(value.toJSON(), path, new Set(ancestors).add(value))
    return
  }
  ancestors.add(value)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      assertJsonAt(index, value[index], path, ancestors)
    }
  } else {
    if (!isPlain(value)) refuse(path, `a ${value.constructor.name} would lose its contents`)
    for (const key of Object.keys(value)) {
      const property = (value as Record<string, unknown>)[key]
      // An optional field that is not there: JSON leaves it out, and so do we.
      if (property !== undefined) assertJsonAt(key, property, path, ancestors)
    }
  }
  ancestors.delete(value)
}

function assertJsonAt(
  key: string | number,
  value: unknown,
  path: Path,
  ancestors: Set<object>,
): void {
  path.push(key)
  assertJson(value, path, ancestors)
  path.pop()
}

/** Maps, Sets, typed arrays and the like serialise to `{}`; class instances keep their fields. */
function isPlain(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function refuse(path: Path, reason: string): never {
  throw new WebhooksError(
    'payload_not_serializable',
    `The payload cannot be written as JSON: ${path.join('.')}: ${reason}. Convert it before emit.`,
    { issues: [{ path: path.slice(1), message: reason }] },
  )
}
