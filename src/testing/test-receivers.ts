import { WebhooksError } from '../errors.ts'
import type { AttemptError } from '../model.ts'
import type { Clock } from '../ports.ts'
import type { Transport, TransportRequest, TransportResult } from '../transport/transport.ts'

/** How a test's receiver answers: a status, a whole answer, or a way to fail. */
export type TestAnswer =
  | number
  | {
      status: number
      headers?: Record<string, string>
      body?: string
      /** Virtual time until the answer. Default 0. */
      afterMs?: number
    }
  /** Says nothing until the attempt times out. */
  | 'timeout'
  /** Takes no connection. */
  | 'refused'
  /** Drops the connection without an answer. */
  | 'reset'

/** A request as a test's receiver got it. */
export interface TestRequest {
  url: string
  /** Lower-case names. */
  headers: Record<string, string>
  /** The exact text that was signed. */
  body: string
  /** Value of `webhook-id`: the event's id. */
  eventId: string
  /** Name of the event type. */
  type: string
  /** The event's data, parsed from the body. */
  data: unknown
  /** Virtual time at which it came. */
  at: Date
}

/** A receiver that exists in a test alone. */
export interface TestReceiver {
  readonly url: string
  /** Every request it got, in order. */
  readonly requests: readonly TestRequest[]
  /** Names of the event types it got, in order. */
  readonly types: readonly string[]
  /** Queues answers, one per request; after the last of them it answers 200 again. */
  answer(...answers: TestAnswer[]): void
  /** Answers every request like this from now on, once queued answers are used up. */
  alwaysAnswer(answer: TestAnswer): void
}

/** The network of a test: receivers by URL, no sockets. A URL without a receiver answers 200. */
export class TestReceivers implements Transport {
  readonly #clock: Clock
  readonly #receivers = new Map<string, ScriptedReceiver>()
  readonly requests: TestRequest[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  receiver(url: string): ScriptedReceiver {
    const known = this.#receivers.get(url) ?? new ScriptedReceiver(url)
    this.#receivers.set(url, known)
    return known
  }

  async send(request: TransportRequest): Promise<TransportResult> {
    const receiver = this.receiver(request.url)
    const received = read(request, this.#clock.now())
    this.requests.push(received)
    const answer = receiver.take(received)
    if (answer === 'refused') return failed('connection_refused', 'The connection was refused.')
    if (answer === 'reset') return failed('connection_reset', 'The connection was reset.')
    const waitMs = answerAfterMs(answer)
    if (waitMs > 0) {
      const waited = await this.#wait(Math.min(waitMs, request.timeoutMs), request.signal)
      if (!waited) return failed('aborted', 'The attempt was aborted.', 'sender')
    }
    if (answer === 'timeout' || waitMs >= request.timeoutMs) {
      return failed('timeout', `No answer came within ${request.timeoutMs} ms.`)
    }
    return { response: respond(answer), error: null }
  }

  async checkUrl(url: string): Promise<void> {
    if (/^https?:$/.test(new URL(url).protocol)) return
    throw new WebhooksError('invalid_url', 'Only http and https URLs can be called')
  }

  async close(): Promise<void> {}

  /** @returns Whether the time passed; false if the engine gave up first. */
  #wait(durationMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(() => resolve(true), durationMs)
      signal.addEventListener('abort', () => {
        cancel()
        resolve(false)
      })
    })
  }
}

class ScriptedReceiver implements TestReceiver {
  readonly url: string
  readonly requests: TestRequest[] = []
  readonly #queued: TestAnswer[] = []
  #default: TestAnswer = 200

  constructor(url: string) {
    this.url = url
  }

  get types(): string[] {
    return this.requests.map((request) => request.type)
  }

  answer(...answers: TestAnswer[]): void {
    this.#queued.push(...answers)
  }

  alwaysAnswer(answer: TestAnswer): void {
    this.#default = answer
  }

  take(request: TestRequest): TestAnswer {
    this.requests.push(request)
    return this.#queued.shift() ?? this.#default
  }
}

function read({ url, headers, body }: TransportRequest, at: Date): TestRequest {
  const { type, data } = JSON.parse(body) as { type: string; data: unknown }
  return { url, headers, body, eventId: headers['webhook-id'] ?? '', type, data, at }
}

function answerAfterMs(answer: TestAnswer): number {
  if (answer === 'timeout') return Number.POSITIVE_INFINITY
  return typeof answer === 'object' ? (answer.afterMs ?? 0) : 0
}

function respond(answer: TestAnswer): TransportResult['response'] {
  const {
    status,
    headers = {},
    body = '',
  } = typeof answer === 'object' ? answer : { status: Number(answer) }
  return { status, headers, body, bodyTruncated: false }
}

function failed(
  code: AttemptError['code'],
  message: string,
  origin: AttemptError['origin'] = 'receiver',
): TransportResult {
  return { response: null, error: { code, message, origin } }
}
