import { checkChannels } from '../core/events/emitter.ts'
import { resolveRetryPolicy } from '../core/health/retry-policy.ts'
import type { Filter } from '../core/matching/filter.ts'
import { validateFilter } from '../core/matching/filter-validation.ts'
import { validatePattern } from '../core/matching/pattern.ts'
import { checkHeaderName, isHeaderValue } from '../core/signing/header-name.ts'
import { WebhooksError } from '../errors.ts'
import type { RateLimit, RetryPolicy } from '../model.ts'
import { checkOptions } from '../option-names.ts'
import type { EndpointSettings } from '../storage/storage.ts'

/** What an endpoint's owner decides; everything but `url` and `events` has a default. */
export interface EndpointInput {
  /** Where events are sent: http or https, without credentials, to an address the guard allows. */
  url: string
  /** 1 to 100 patterns over event types: exact names, `document.*` (any depth below), `*`. */
  events: readonly string[]
  /** Up to 10 channels; if any, only events emitted to one of them are received. Default none. */
  channels?: readonly string[] | undefined
  /** A condition on the event's data. Default `null`: none. */
  filter?: Filter | null | undefined
  /** The owner's own words, up to 1,000 characters. Default empty. */
  description?: string | undefined
  /** Up to 20 headers sent with each request, such as an API key. Never shown again. Default none. */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * Up to a million requests in up to a day. Default `null`: as fast as the in-flight cap lets it
   * go.
   */
  rateLimit?: RateLimit | null | undefined
  /** Retry schedule for this endpoint alone. Default `null`: the instance's. */
  retry?: Partial<RetryPolicy> | null | undefined
  /** The host's own data: up to 50 strings. Default none. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/** The part of the stored settings that {@link EndpointInput} decides. */
type Checked = Pick<EndpointSettings, keyof EndpointInput & keyof EndpointSettings>

const mostPatterns = 100
const longestDescription = 1_000
const mostHeaders = 20
const mostMetadata = 50
const longestMetadataKey = 64
const longestValue = 1_024
/** Together far below 2^53, with which buckets are counted in milliseconds times requests. */
const mostRequests = 1_000_000
const longestIntervalMs = 24 * 3_600_000

const checks: { [Key in keyof Checked]: (value: never) => Checked[Key] } = {
  url: checkUrlText,
  events: checkPatterns,
  channels: (channels: string[]) => checkChannels(channels),
  filter: (filter: unknown) => (filter === null ? null : validateFilter(filter)),
  description: checkDescription,
  headers: checkHeaders,
  rateLimit: checkRateLimit,
  retry: (retry: Partial<RetryPolicy> | null) =>
    retry === null ? null : resolveRetryPolicy(retry),
  metadata: checkMetadata,
}

const settingNames = Object.keys(checks) as (keyof EndpointInput)[]

/**
 * Checks the settings that are given and leaves out the others.
 *
 * @throws WebhooksError `invalid_url`, `invalid_pattern`, `invalid_filter`, `invalid_header`,
 * `invalid_option`
 */
export function checkEndpointInput(input: Partial<EndpointInput>): Partial<Checked> {
  const given = checkOptions('An endpoint', input, settingNames)
  const checked: Record<string, unknown> = {}
  for (const [key, check] of Object.entries(checks)) {
    const value = given[key as keyof EndpointInput]
    if (value !== undefined) checked[key] = check(value as never)
  }
  return checked as Partial<Checked>
}

/** What an endpoint has where its owner said nothing; `url` and `events` have to be said. */
const defaults: EndpointInput = {
  url: '',
  events: [],
  description: '',
  channels: [],
  filter: null,
  headers: {},
  rateLimit: null,
  retry: null,
  metadata: {},
}

/** Checks the settings of a new endpoint and fills in the defaults. @throws as above */
export function checkNewEndpoint<Input extends EndpointInput>(
  input: Input,
  otherNames: readonly (keyof Input & string)[],
): Checked {
  const all = checkOptions('An endpoint', input, [...settingNames, ...otherNames])
  const given = settingNames
    .map((name) => [name, all[name]])
    .filter(([, value]) => value !== undefined)
  return checkEndpointInput({ ...defaults, ...Object.fromEntries(given) }) as Checked
}

const longestUrl = 2_048

/** The form alone; where it leads is the address guard's to judge. */
function checkUrlText(url: unknown): string {
  if (typeof url !== 'string' || url.length > longestUrl || !isUrl(url)) {
    throw invalidUrl(
      `An endpoint's url must be an absolute URL of at most ${longestUrl} characters, such as ` +
        'https://example.com/webhooks',
    )
  }
  const { username, password } = new URL(url)
  if (username === '' && password === '') return url
  // Checked here too, because whatever transport sends: the URL stands in lists and in the log.
  throw invalidUrl(
    "An endpoint's url must hold no user name or password: send them in a header, such as " +
      'authorization',
  )
}

/** The parser drops or rewrites blanks and line breaks: the log would say another URL than was called. */
function isUrl(text: string): boolean {
  return !/[\s\p{Cc}]/u.test(text) && URL.canParse(text)
}

function checkPatterns(patterns: unknown): string[] {
  if (!Array.isArray(patterns) || patterns.length < 1 || patterns.length > mostPatterns) {
    throw new WebhooksError(
      'invalid_pattern',
      `events must list 1 to ${mostPatterns} patterns, such as ['document.*'], or ['*'] for all`,
    )
  }
  return [...new Set(patterns.map((pattern) => validatePattern(pattern)))]
}

function checkDescription(description: unknown): string {
  if (typeof description === 'string' && description.length <= longestDescription) {
    return description
  }
  throw invalid(`description must be a string of at most ${longestDescription} characters`)
}

function checkHeaders(headers: unknown): Record<string, string> {
  const entries = entriesOf(headers)
  if (entries === null || entries.length > mostHeaders) {
    throw invalidHeader(`headers must be an object of at most ${mostHeaders} names and values`)
  }
  const checked = new Map<string, string>()
  for (const [givenName, value] of entries) {
    const name = checkHeaderName(givenName)
    if (checked.has(name)) throw invalidHeader(`"${givenName}" is given twice`)
    if (typeof value !== 'string' || value.length > longestValue || !isHeaderValue(value)) {
      throw invalidHeader(
        `The value of "${givenName}" must be 1 to ${longestValue} printable ASCII characters`,
      )
    }
    checked.set(name, value)
  }
  return Object.fromEntries(checked)
}

function checkRateLimit(rateLimit: RateLimit | null): RateLimit | null {
  if (rateLimit === null) return null
  const { limit, intervalMs } = checkOptions('rateLimit', rateLimit, ['limit', 'intervalMs'])
  const isWhole = (value: number, most: number) =>
    Number.isSafeInteger(value) && value >= 1 && value <= most
  if (!isWhole(limit, mostRequests) || !isWhole(intervalMs, longestIntervalMs)) {
    throw invalid(
      'rateLimit must be { limit, intervalMs } in whole numbers, such as ' +
        `{ limit: 10, intervalMs: 1000 } for ten requests a second; at most ${mostRequests} ` +
        `requests, in at most a day (${longestIntervalMs})`,
    )
  }
  return { limit, intervalMs }
}

function checkMetadata(metadata: unknown): Record<string, string> {
  const entries = entriesOf(metadata)
  const fits = ([key, value]: [string, unknown]) =>
    key.length >= 1 &&
    key.length <= longestMetadataKey &&
    typeof value === 'string' &&
    value.length <= longestValue
  if (entries === null || entries.length > mostMetadata || !entries.every(fits)) {
    throw invalid(
      `metadata must hold at most ${mostMetadata} strings of up to ${longestValue} characters ` +
        `under keys of up to ${longestMetadataKey}`,
    )
  }
  return Object.fromEntries(entries) as Record<string, string>
}

/** Names and values of an object; `null` for anything else: a list, a `Map` or `Headers` has none. */
function entriesOf(value: unknown): [string, unknown][] | null {
  if (Object.prototype.toString.call(value) !== '[object Object]') return null
  return Object.entries(value as object)
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}

function invalidUrl(message: string): WebhooksError {
  return new WebhooksError('invalid_url', message)
}

function invalidHeader(message: string): WebhooksError {
  return new WebhooksError('invalid_header', message)
}
