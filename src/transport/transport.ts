/**
 * The transport contract: one HTTP request out, one outcome back.
 */
import type { AttemptError, AttemptResponse } from '../model.ts'

/** One signed POST, ready to go. */
export interface TransportRequest {
  url: string
  /** Lower-case names, complete: what is given is what is sent. */
  headers: Record<string, string>
  /** The bytes that were signed, as text. */
  body: string
  /** Total time for the attempt: name look-up, connection, request, answer and its body. */
  timeoutMs: number
  connectTimeoutMs: number
  /** Bytes of the response body to keep. Reading stops there. */
  maxResponseBytes: number
  /** Aborts when the engine gives up on the attempt (shutdown past its grace). */
  signal: AbortSignal
}

/** How a request ended. The outcome is decided at the status line. */
export interface TransportResult {
  /** `null` if no status line came back. */
  response: AttemptResponse | null
  /** Why no status line came back; `null` if one did. */
  error: AttemptError | null
}

/**
 * Sends requests. Never throws and never follows a redirect; every request ends by its
 * `timeoutMs`, whatever the receiver does.
 */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResult>
  /**
   * Judges a URL when an endpoint is created or changed, by the rules that hold at connect time.
   *
   * @throws WebhooksError `invalid_url` or `address_refused`
   */
  checkUrl(url: string): Promise<void>
  /** Closes all connections. */
  close(): Promise<void>
}
