/**
 * The nouns of this library. One word for one thing: the same names stand in code, columns,
 * documents and error messages.
 */
import type { Filter } from './core/matching/filter.ts'

/** One emitted occurrence of an event type. */
export interface WebhookEvent {
  /** `evt_…`: sent as `webhook-id`, the same on every attempt; the receiver's idempotency key. */
  id: string
  tenantId: string
  /** The event type's name, such as `document.processed`. */
  type: string
  /**
   * The JSON text that is signed and sent, byte for byte: `{"type","timestamp","data"}`; with
   * `redact.payloadPaths`, those fields read `[redacted]` here.
   */
  body: string
  /**
   * Channels that narrow the fan-out. An endpoint without channels of its own receives the event
   * whatever stands here; one with channels only if it shares one, so that an event with none
   * reaches no such endpoint.
   */
  channels: string[]
  /** The caller's key under which a repeated emit returns this event; `null` without one. */
  idempotencyKey: string | null
  createdAt: Date
}

/** How often, at most, an endpoint wants to be called. */
export interface RateLimit {
  /** Requests per interval; also how many may go out at once after a quiet time. */
  limit: number
  intervalMs: number
}

/** When failed attempts are repeated. */
export interface RetryPolicy {
  /**
   * One number per attempt, in milliseconds, each counted from the previous attempt; the first
   * from the emit. Its length is the number of attempts.
   */
  delaysMs: readonly number[]
  /** Up to this share is added to each delay at random, so that retries spread: 0.2 adds 0 to 20 %. */
  jitter: number
}

/** Why an endpoint is not active. */
export type DisabledReason = 'manual' | 'gone' | 'failing'

/** A receiver of events, as its owner sees it. Secrets and header values are never shown. */
export interface Endpoint {
  /** `ep_…` */
  id: string
  tenantId: string
  url: string
  /** The owner's own words about it; empty by default. */
  description: string
  /** Patterns over event types: exact names, `document.*` (any depth below), `*`. */
  events: string[]
  /**
   * If not empty, only events emitted to at least one of these channels are received, and events
   * emitted to no channel are not. Empty: channels play no part.
   */
  channels: string[]
  /** A condition on the payload's data; `null` lets everything through. */
  filter: Filter | null
  /** Names of the custom headers sent with each request, lower case; values are write-only. */
  headerNames: string[]
  rateLimit: RateLimit | null
  /** Overrides the instance's retry policy; `null` follows it. */
  retry: RetryPolicy | null
  /** The host's own data about the endpoint: strings only, returned as given. */
  metadata: Record<string, string>
  /** An inactive endpoint receives nothing. */
  active: boolean
  disabledAt: Date | null
  disabledReason: DisabledReason | null
  /** No request goes out before this instant; set by Retry-After and by 429, 502, 503 and 504. */
  pausedUntil: Date | null
  /** Start of the current streak of failed attempts; `null` after a success. */
  failingSince: Date | null
  /** Failed attempts since the last success. */
  failedAttempts: number
  createdAt: Date
  updatedAt: Date
  /**
   * Rises by one on each change by its owner, when the endpoint is switched off by itself, and when
   * its secrets are encrypted anew.
   */
  version: number
}

/** `pending` with attempts above zero is retrying. The other three are final. */
export type DeliveryStatus = 'pending' | 'succeeded' | 'failed' | 'cancelled'

/** Whose doing a failed attempt was. Failures of `sender` cost neither retries nor health. */
export type FaultOrigin = 'receiver' | 'network' | 'sender'

/** Why an attempt did not succeed. */
export type AttemptErrorCode =
  /** The receiver answered with something other than 2xx. */
  | 'http_status'
  /** The receiver answered 3xx; redirects are not followed. */
  | 'redirect'
  /** The attempt's total time ran out. */
  | 'timeout'
  | 'connect_timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'connection_failed'
  | 'dns_not_found'
  /** The resolver itself did not work; `sender`. */
  | 'dns_failed'
  | 'tls_failed'
  /** The address guard refused where the URL leads. */
  | 'address_refused'
  /** What came back was not HTTP, or beyond the limits on headers. */
  | 'invalid_response'
  /** Something of ours failed before or while sending; `sender`. */
  | 'internal'
  /** The process shut down in the middle; `sender`. */
  | 'aborted'

/** Why an attempt did not succeed, in a code for programs and a sentence for people. */
export interface AttemptError {
  code: AttemptErrorCode
  message: string
  origin: FaultOrigin
}

/** Why a delivery was cancelled. */
export type CancelReason = 'manual' | 'endpoint_disabled' | 'endpoint_deleted'

/** One event owed to one endpoint. */
export interface Delivery {
  /** `dlv_…` */
  id: string
  tenantId: string
  eventId: string
  endpointId: string
  eventType: string
  status: DeliveryStatus
  /** Attempts made so far, those of origin `sender` not counted. */
  attempts: number
  /**
   * When the next attempt is due; `null` once the status is final. While an attempt is running:
   * when its lease ends.
   */
  nextAttemptAt: Date | null
  /** Status code of the last answer; `null` if there was none. */
  responseStatus: number | null
  /** Error of the last attempt; `null` if it succeeded or none was made. */
  lastError: AttemptError | null
  cancelReason: CancelReason | null
  createdAt: Date
  /** When the status became final. */
  completedAt: Date | null
}

/** What a receiver answered, as far as it was read. */
export interface AttemptResponse {
  status: number
  /**
   * Lower-case names; repeated headers joined by `, `. Cookies, credentials and challenges, told by
   * the header's name, read `[redacted]`; so does, here and in the body, what repeats a signature, a
   * custom header's value, or a field of `redact.payloadPaths`.
   */
  headers: Record<string, string>
  /** The first bytes of the body as UTF-8 text, up to the limit (16 KiB by default). */
  body: string
  /** Whether the receiver sent, or announced, more than was read. */
  bodyTruncated: boolean
}

/** One HTTP request of a delivery. */
export interface Attempt {
  /** `att_…` */
  id: string
  tenantId: string
  deliveryId: string
  eventId: string
  endpointId: string
  /** 1 for the first. An attempt of origin `sender` shares its number with the one that follows. */
  number: number
  startedAt: Date
  durationMs: number
  succeeded: boolean
  url: string
  /** Headers as sent, lower case; signatures and custom values replaced by `[redacted]`. */
  requestHeaders: Record<string, string>
  /** `null` if no status line came back. */
  response: AttemptResponse | null
  /** `null` if the attempt succeeded. */
  error: AttemptError | null
}

/** One page of a list, newest first. */
export interface Page<Item> {
  items: Item[]
  /** 1 for the first. */
  page: number
  limit: number
  /** How many items match, over all pages; counted when the first page was read. */
  total: number
  /** Pass it as `cursor` for the page after this one; `null` on the last. */
  nextCursor: string | null
}
