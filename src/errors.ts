/**
 * Every code a {@link WebhooksError} can carry. Codes are stable: a new release may add some,
 * and never renames or removes one outside a major version.
 */
export type WebhooksErrorCode =
  // What the caller handed in
  | 'invalid_event_name'
  | 'invalid_event_schema'
  | 'unknown_event'
  | 'invalid_payload'
  | 'payload_not_serializable'
  | 'payload_too_large'
  | 'invalid_option'
  | 'invalid_url'
  | 'address_refused'
  | 'invalid_pattern'
  | 'invalid_filter'
  | 'invalid_header'
  | 'invalid_secret'
  | 'invalid_cursor'
  // What the caller asked for
  | 'endpoint_not_found'
  | 'event_not_found'
  | 'delivery_not_found'
  | 'conflict'
  | 'stopped'
  | 'transaction_unsupported'
  // What the storage or the host met
  | 'storage_failed'
  | 'storage_closed'
  | 'storage_unreachable'
  | 'storage_unsupported'
  | 'storage_outdated'
  | 'storage_forbidden'
  | 'storage_read_only'
  | 'storage_full'
  | 'decryption_failed'
  | 'driver_missing'
  // What a receiver met in a request (`./receiver`)
  | 'signature_header_missing'
  | 'signature_header_invalid'
  | 'signature_timestamp_invalid'
  | 'signature_timestamp_expired'
  | 'signature_timestamp_in_future'
  | 'signature_mismatch'
  | 'signature_body_invalid'
  | 'body_not_raw'
  | 'body_too_large'

/** One thing wrong with a value: where it sits and what is wrong. */
export interface WebhooksErrorIssue {
  /** Path into the value, outermost key first; empty for the value itself. */
  path: (string | number)[]
  message: string
}

/** Marks our errors across duplicate copies of the package, where `instanceof` would fail. */
const brand = Symbol.for('@ainexlayer/webhooks.error')

/** Details that a {@link WebhooksError} may carry beside its code and message. */
export interface WebhooksErrorOptions {
  /** The underlying error, as in `Error.cause`. */
  cause?: unknown
  /** What exactly is wrong, for bad input: one entry per finding. */
  issues?: WebhooksErrorIssue[]
}

/**
 * The one error class of this library. `code` says what happened in a form that programs can
 * rely on; `message` says it in words, together with the way out.
 *
 * @example
 * try {
 *   await webhooks.emit('document.processed', data)
 * } catch (error) {
 *   if (isWebhooksError(error, 'invalid_payload')) console.error(error.issues)
 * }
 */
export class WebhooksError extends Error {
  override readonly name = 'WebhooksError'
  readonly code: WebhooksErrorCode
  /** What exactly is wrong, for bad input: one entry per finding; empty where that says nothing. */
  readonly issues: readonly WebhooksErrorIssue[]

  constructor(code: WebhooksErrorCode, message: string, options: WebhooksErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.issues = options.issues ?? []
    Object.defineProperty(this, brand, { value: true })
  }
}

/**
 * Tells whether a value is a {@link WebhooksError}, and of the given code where one is named.
 * Holds across duplicate copies of the package and across its ESM and CJS builds.
 */
export function isWebhooksError(error: unknown, code?: WebhooksErrorCode): error is WebhooksError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || ('code' in error && error.code === code)
}
