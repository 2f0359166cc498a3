import { createHash } from 'node:crypto'
import type { Change, Variant } from './change.ts'

/** Above this size, in bytes, each guess takes long enough, and enough memory, to be felt. */
export const largeBody = 1_000_000

/** Bodies that the sender may have signed, if what we have came from them. The first is ours. */
export function bodyVariants(body: Uint8Array<ArrayBuffer>): Variant<Uint8Array<ArrayBuffer>>[] {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
  const others =
    body.length > largeBody
      ? []
      : [
          ...encodings(body, text),
          ...jsonForms(text),
          { value: new Uint8Array(), change: bodyLost },
        ]
  const seen = new Set([keyOf(body)])
  const variants = [...lineBreaks(text), ...others].flatMap(({ value, change }) => {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    const key = keyOf(bytes)
    if (seen.has(key)) return []
    seen.add(key)
    return [{ value: bytes, change }]
  })
  return [{ value: body, change: null }, ...variants]
}

type Candidate = { value: string | Uint8Array<ArrayBuffer>; change: Change }

function lineBreaks(text: string): Candidate[] {
  const rawInput =
    'Take the body as it came: `echo` and editors add a line break, `printf %s` does not.'
  const change = (says: string, wayOut = rawInput): Change => ({
    cause: 'line_break',
    says,
    wayOut,
  })
  const proxies = 'Something on the way rewrites line breaks. Read the body as bytes, not as text.'
  return [
    {
      value: text.replace(/\r?\n$/, ''),
      change: change('the body without the line break at its end'),
    },
    {
      value: withoutSpaceAround(text),
      change: change('the body without the white space around it'),
    },
    { value: `${text}\n`, change: change('the body with a line break at its end') },
    { value: `${text}\r\n`, change: change('the body with CR LF at its end') },
    { value: text.replaceAll('\r\n', '\n'), change: change('the body with LF for CR LF', proxies) },
    {
      value: text.replace(/\r?\n/g, '\r\n'),
      change: change('the body with CR LF for LF', proxies),
    },
  ]
}

/** By a scan: a pattern would try each run of white space from each of its places. */
function withoutSpaceAround(text: string): string {
  const isSpace = (index: number) => ' \t\r\n'.includes(text.charAt(index))
  let start = 0
  let end = text.length
  while (start < end && isSpace(start)) start += 1
  while (end > start && isSpace(end - 1)) end -= 1
  return text.slice(start, end)
}

function encodings(body: Uint8Array, text: string): Candidate[] {
  const change = (says: string, wayOut: string): Change => ({ cause: 'encoding', says, wayOut })
  const candidates: Candidate[] = [
    {
      value: text.startsWith('\ufeff') ? text.slice(1) : `\ufeff${text}`,
      change: change(
        `the body ${text.startsWith('\ufeff') ? 'without its' : 'with a'} byte order mark`,
        'Read and write the body as bytes.',
      ),
    },
    {
      value: Buffer.from(text, 'latin1') as Uint8Array<ArrayBuffer>,
      change: change(
        'the body before its UTF-8 was read as Latin-1',
        'Read the body as UTF-8, or better as bytes.',
      ),
    },
    {
      value: Buffer.from(body).toString('latin1'),
      change: change(
        'the body as UTF-8, while what we have is Latin-1',
        'Pass the body on as bytes.',
      ),
    },
  ]
  if (/^[A-Za-z0-9+/\s]+={0,2}$/.test(withoutSpaceAround(text))) {
    candidates.push({
      value: new Uint8Array(Buffer.from(text, 'base64')),
      change: change(
        'what is inside this base64',
        'Decode the body first: serverless platforms hand it over as base64 (isBase64Encoded).',
      ),
    })
  }
  return candidates
}

const parsedBefore =
  'The body was parsed and written again. Verify the raw body: in Express mount the route above ' +
  'express.json(), elsewhere take the text or the bytes before any parser.'

/** How programs in use write JSON. */
const writers: [string, (value: unknown) => string][] = [
  ['compact JSON', (value) => JSON.stringify(value)],
  [
    'compact JSON with type, timestamp and data in this order',
    (value) => JSON.stringify(inOrder(value)),
  ],
  ['JSON indented by two spaces', (value) => JSON.stringify(value, null, 2)],
  ['JSON indented by four spaces', (value) => JSON.stringify(value, null, 4)],
  ['JSON indented by tabs', (value) => JSON.stringify(value, null, '\t')],
  ['JSON as Python writes it', (value) => asciiOnly(spaced(value))],
  ['JSON as Python writes it, not escaped', spaced],
  ['JSON as PHP writes it', (value) => asciiOnly(JSON.stringify(value)).replaceAll('/', '\\/')],
  ['JSON with escaped slashes', (value) => JSON.stringify(value).replaceAll('/', '\\/')],
  ['JSON as Go writes it', (value) => goEscaped(JSON.stringify(sorted(value)))],
  ['JSON as Go writes structs', (value) => goEscaped(JSON.stringify(value))],
  ['JSON in ASCII', (value) => asciiOnly(JSON.stringify(value))],
  ['compact JSON with sorted keys', (value) => JSON.stringify(sorted(value))],
]

function jsonForms(text: string): Candidate[] {
  try {
    const value: unknown = JSON.parse(text)
    return writers.flatMap(([name, write]) => {
      const change: Change = {
        cause: 'json_reserialised',
        says: `${name} of the same data`,
        wayOut: parsedBefore,
      }
      const written = write(value)
      return [written, `${written}\n`].map((candidate) => ({ value: candidate, change }))
    })
  } catch {
    // Not JSON, or nested deeper than can be written.
    return []
  }
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, part]) => `${JSON.stringify(key)}: ${spaced(part)}`,
  )
  return `{${members.join(', ')}}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]))
}

/** Our sender's order, where a writer that sorts keys has changed it. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { type, timestamp, data, ...others } = value as Record<string, unknown>
  return { type, timestamp, data, ...others }
}

const unicodeEscape = (character: string) =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
const asciiOnly = (json: string) => json.replace(/[\u0080-\uffff]/g, unicodeEscape)
const goEscaped = (json: string) => json.replace(/[<>&\u2028\u2029]/g, unicodeEscape)

const bodyLost: Change = {
  cause: 'body_lost',
  says: 'an empty body',
  wayOut: 'The sender signed nothing: its body was read, and was empty, when it signed.',
}

function keyOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}
