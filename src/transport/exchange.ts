/** One request and its answer over the guarded connections. */
import { StringDecoder } from 'node:string_decoder'
import type { Dispatcher } from 'undici'
import type { AttemptError, AttemptResponse } from '../model.ts'
import type { Borrower, Connection, Connections } from './connections.ts'
import { setDeadline } from './deadline.ts'
import { aborted, attemptErrorFrom, crowdedOut, timedOut, unreadable } from './failures.ts'
import type { Target } from './target.ts'
import type { TransportRequest, TransportResult } from './transport.ts'

/** Sends one request; resolves when its answer has been read as far as it is wanted. */
export function exchange(
  connections: Connections,
  target: Target,
  request: TransportRequest,
): Promise<TransportResult> {
  return new Promise((resolve) => new Exchange(connections, target, request, resolve).start())
}

/**
 * Speaks undici's dispatch protocol: no stream is made, reading stops at any byte, and what the
 * receiver does after its status line cannot turn an accepted event into a failure.
 */
class Exchange implements Dispatcher.DispatchHandler, Borrower {
  readonly target: Target
  fresh = false
  ended = false
  readonly #connections: Connections
  readonly #request: TransportRequest
  readonly #resolve: (result: TransportResult) => void
  readonly #abort = () => this.#stop(aborted())
  #cancelDeadline = () => {}
  #connection: Connection | null = null
  /** Whether it ever had a connection. */
  #isLent = false
  /** Whether the connection had carried a request before this one. */
  #reused = false
  #response: AttemptResponse | null = null
  #decoder: StringDecoder | undefined
  #bytesLeft: number

  constructor(
    connections: Connections,
    target: Target,
    request: TransportRequest,
    resolve: (result: TransportResult) => void,
  ) {
    this.target = target
    this.#connections = connections
    this.#request = request
    this.#resolve = resolve
    this.#bytesLeft = request.maxResponseBytes
  }

  start(): void {
    const { signal, timeoutMs } = this.#request
    if (signal.aborted) {
      this.#abort()
      return
    }
    signal.addEventListener('abort', this.#abort)
    this.#cancelDeadline = setDeadline(timeoutMs, (stoodStill) => {
      this.#stop(this.#isLent ? timedOut(timeoutMs, stoodStill) : crowdedOut(timeoutMs))
    })
    this.#connections.lend(this)
  }

  use(connection: Connection): void {
    const { timeoutMs, connectTimeoutMs, headers, body } = this.#request
    this.#connection = connection
    this.#isLent = true
    connection.connectTimeoutMs = Math.min(connectTimeoutMs, timeoutMs)
    const { path } = this.target
    try {
      connection.client.dispatch({ method: 'POST', path, headers, body }, this)
    } catch (error) {
      this.#stop(error)
    }
  }

  turnAway(): void {
    this.#stop(aborted())
  }

  onRequestStart(): void {
    if (this.#connection === null) return
    this.#reused = this.#connection.requests++ > 0
    this.#connection.answer?.expect()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.ended || status < 200) return
    this.#connection?.answer?.expectBody()
    this.#response = { status, headers: joinHeaders(headers), body: '', bodyTruncated: false }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.ended || this.#response === null) return
    this.#decoder ??= new StringDecoder('utf8')
    this.#response.body += this.#decoder.write(chunk.subarray(0, this.#bytesLeft))
    this.#bytesLeft -= chunk.length
    this.#connection?.answer?.gotBody(chunk.length)
    if (this.#bytesLeft < 0) this.#stop(null)
  }

  onResponseEnd(): void {
    if (this.ended || this.#response === null) return
    if (this.#decoder !== undefined) this.#response.body += this.#decoder.end()
    const connection = this.#connection
    this.#connection = null
    connection?.answer?.end()
    if (connection !== null) this.#connections.release(connection)
    this.#end(null)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.ended) return
    const unheard = this.#reused && this.#connection?.answer?.begun === false
    if (unheard && attemptErrorFrom(error).code === 'connection_reset') this.#startAfresh()
    else this.#stop(error)
  }

  /**
   * The receiver closed an idle connection just as the request went out on it, as receivers do:
   * no failure of theirs, and nothing that a later attempt should pay for.
   */
  #startAfresh(): void {
    this.#dropConnection()
    this.fresh = true
    this.#connections.lend(this)
  }

  /** Ends the exchange before the answer's end: the connection cannot be used again. */
  #stop(error: unknown): void {
    if (this.ended) return
    if (this.#response !== null) this.#response.bodyTruncated = true
    this.#end(error)
    this.#dropConnection()
  }

  /** The outcome is decided at the status line: after it, an error is no more than a short body. */
  #end(error: unknown): void {
    this.ended = true
    this.#cancelDeadline()
    this.#request.signal.removeEventListener('abort', this.#abort)
    const response = this.#response
    this.#resolve({ response, error: response === null ? this.#failureFrom(error) : null })
  }

  /** What breaks our own code while it reads an answer is the answer's fault, and not ours. */
  #failureFrom(error: unknown): AttemptError {
    const failure = attemptErrorFrom(error)
    const isAnswered = this.#connection?.answer?.begun === true
    return failure.code === 'internal' && isAnswered ? unreadable(error) : failure
  }

  #dropConnection(): void {
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) this.#connections.discard(connection)
  }
}

function joinHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const joined: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name] ?? ''
    joined[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return joined
}
