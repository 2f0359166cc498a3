import type * as z from 'zod'
import { describeIssues, quote } from '../core/issues.ts'
import { toIssues } from '../core/zod-issues.ts'
import type { WebhooksErrorIssue } from '../errors.ts'
import { Refusal } from './problem.ts'

/** The largest body that any route has a use for, with room to spare. */
export const bodyLimitBytes = 256 * 1024

/**
 * Lets a value pass that has the form which the document describes.
 *
 * @throws Refusal `invalid_request`
 */
export function checkForm<Value>(schema: z.ZodType<Value>, value: unknown, what: string): Value {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw invalidRequest(what, toIssues(result.error.issues))
}

function invalidRequest(what: string, issues: WebhooksErrorIssue[]): Refusal {
  return new Refusal('invalid_request', `The ${what} is not valid: ${describeIssues(issues)}.`, {
    issues,
  })
}

/**
 * The parameters of a query by name, of a null prototype: `?__proto__=` is a name like any other.
 *
 * @throws Refusal `invalid_request` for one that is given twice, where only one could count.
 */
export function readQuery(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null)
  for (const [name, value] of new URL(url).searchParams) {
    if (name in query) {
      throw invalidRequest('query', [{ path: [name], message: 'is given more than once' }])
    }
    query[name] = value
  }
  return query
}

/** A request's body, before anything is known about it. */
export interface ReadBody {
  text: string
  /** What the text says; `undefined` where there is no body. */
  value: unknown
}

/**
 * Reads a JSON body, up to the limit.
 *
 * @throws Refusal `body_too_large`, `unsupported_media_type`, `invalid_json`
 */
export async function readBody(request: Request): Promise<ReadBody> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return { text: '', value: undefined }
  checkMediaType(request.headers)
  const text = decode(bytes)
  return { text, value: parseJson(text) }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  // The announcement spares reading; the count below does not rely on it.
  if (Number(request.headers.get('content-length')) > bodyLimitBytes) throw tooLarge()
  if (request.bodyUsed) {
    throw new TypeError('Somebody read the body before the management API: use request.clone()')
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of readToEnd(request.body)) {
    length += chunk.length
    if (length > bodyLimitBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A client that leaves half-way is no fault of ours. */
async function* readToEnd(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  try {
    yield* body ?? []
  } catch {
    throw new Refusal('invalid_request', 'The body ended before it was complete.')
  }
}

function tooLarge(): Refusal {
  return new Refusal('body_too_large', `A body may have at most ${bodyLimitBytes} bytes.`)
}

const jsonType = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i

/** Whether a body says that it is JSON in UTF-8 (RFC 8259, section 8.1). */
function isJson(headers: Headers): boolean {
  return jsonType.test(headers.get('content-type') ?? '')
}

function checkMediaType(headers: Headers): void {
  if (isJson(headers) && (headers.get('content-encoding') ?? 'identity') === 'identity') return
  throw new Refusal(
    'unsupported_media_type',
    'Send JSON in UTF-8, not compressed, with "content-type: application/json".',
    { headers: { accept: 'application/json' } },
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Refusal('invalid_json', 'The body is not UTF-8.')
  }
}

/** `__proto__` has no use as a key; whoever copies it by assignment changes a prototype. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (key, value) => {
      if (key === '__proto__') throw new SyntaxError(`the key ${quote(key)} is not allowed`)
      return value
    })
  } catch (error) {
    // Its words quote the body, which may hold a secret; too deep a nesting is a RangeError.
    const isKey = error instanceof SyntaxError && error.message.startsWith('the key ')
    const why = isKey ? error.message : 'it is malformed, or nested too deep'
    throw new Refusal('invalid_json', `The body is not JSON that can be taken: ${why}.`)
  }
}

/**
 * A browser sends a bodyless POST to another site without asking first, with the user's cookies. It
 * asks where the content type is JSON, and says since 2023 where a request comes from (Fetch
 * Metadata), before that at least from which origin; who is not a browser says nothing.
 *
 * @throws Refusal `cross_site_request`
 */
export function refuseCrossSite({ method, headers, url }: Request): void {
  if (method !== 'POST' || isJson(headers)) return
  const site = headers.get('sec-fetch-site')
  if (site === 'none' || site === 'same-origin') return
  if (site === null && isOwnOrigin(headers.get('origin'), url)) return
  throw new Refusal(
    'cross_site_request',
    'A page of another site sent this. If that is meant, send "content-type: application/json".',
  )
}

/** A proxy may speak http to us and https to the browser: the host is what tells. */
function isOwnOrigin(origin: string | null, url: string): boolean {
  if (origin === null) return true
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host
}

/** One strong entity tag of ours (RFC 9110, section 8.8.3). */
const tag = /^"([1-9]\d{0,14})"$/

/**
 * The version that `If-Match` names; `undefined` for `*`, which is any, and where it is left out.
 *
 * @throws Refusal `version_mismatch`, and `if_match_missing` (RFC 6585, section 3) if it is required
 */
export function readIfMatch(headers: Headers, need: 'required' | 'optional'): number | undefined {
  const given = headers.get('if-match')?.trim()
  if (given === undefined && need === 'required') {
    throw new Refusal(
      'if_match_missing',
      'Send the ETag of what you read as "If-Match", so that nobody\'s change is lost, or ' +
        '"If-Match: *" to change whatever is there.',
    )
  }
  if (given === undefined || given === '*') return undefined
  const [, version] = tag.exec(given) ?? []
  if (version === undefined) throw versionMismatch()
  return Number(version)
}

/** The endpoint is no longer what the caller read. */
export function versionMismatch(): Refusal {
  return new Refusal(
    'version_mismatch',
    'The endpoint was changed since you read it: read it again, and decide anew.',
  )
}
