import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import { answerTo, handled, type ReceiverAnswer, unhandledType } from './answer.ts'
import { expressHandler } from './express.ts'
import { fastifyPlugin } from './fastify.ts'
import { fetchHandler } from './fetch.ts'
import {
  handlerOf,
  type ReceivedEvents,
  type ReceiverRegistry,
  type WebhookHandlers,
} from './handlers.ts'
import type { WebhookHeaders } from './headers.ts'
import { type IdempotencyStore, memoryIdempotency } from './idempotency.ts'
import { Once } from './once.ts'
import type { WebhookPayload } from './payload.ts'
import { checkBody } from './raw-body.ts'
import { checkSecrets, verify, type WebhookBody } from './verify.ts'

/** What {@link createReceiver} takes. */
export interface ReceiverOptions<Events extends ReceivedEvents> {
  /**
   * The event types, from `defineEvents` or `ainexlayerEvents`: they type the handlers, and their
   * schemas check the data. Default: none; data is then handed over as it came, and
   * `createReceiver<MyEvents>` types it.
   */
  events?: ReceiverRegistry<Events> | undefined
  /** `whsec_…` or `whpk_…`, or a list of them: any may match, so that a rotation goes unnoticed. */
  secrets: string | readonly string[]
  /** What to do, by event type; `*` for every type without a handler of its own. */
  handlers: WebhookHandlers<NoInfer<Events>>
  /**
   * When the sender gets its 2xx. Default `after`: once the handler is through, so that the sender
   * comes again if it failed. `first`: at once, with 202, while the handler works in the background;
   * whatever fails then, the sender never hears of it, and a process that dies takes the event with
   * it. Hence `first` needs `onError`.
   */
  respond?: 'after' | 'first' | undefined
  /**
   * Where handled ids are remembered. Default `memoryIdempotency()`. `false`: every request is
   * handled, also a repeated one.
   */
  idempotency?: IdempotencyStore | false | undefined
  /**
   * How long, in milliseconds, a handler has an event to itself. If its process dies, a retry after
   * that time is let through. Longer than your slowest handler. Default 300,000 (five minutes).
   */
  leaseMs?: number | undefined
  /**
   * How long handled ids are kept, in milliseconds; longer than the sender's retries.
   * Default 604,800,000 (seven days).
   */
  keepMs?: number | undefined
  /**
   * How far `webhook-timestamp` may be from now, either way, in milliseconds. Default 300,000.
   */
  toleranceMs?: number | undefined
  /** Largest body that is read, in bytes. Default 524,288; our sender's own limit is half of it. */
  maxBodyBytes?: number | undefined
  /**
   * Handlers that may work in the background at once, under `respond: 'first'`. Beyond it the
   * answer is 503. Default 100.
   */
  maxInBackground?: number | undefined
  /**
   * What to answer to an event type that has no handler. Default `acknowledge`: 2xx, as a sender
   * may add types at any time. `refuse`: 501, so that the sender keeps trying.
   */
  unhandled?: 'acknowledge' | 'refuse' | undefined
  /**
   * Whether data is checked by the schemas of `events`. Default `true`: what does not fit is
   * answered 400, and comes again. `false` hands data over as it came; for schemas that do not
   * take the JSON form of what they describe, such as `z.date()`.
   */
  validate?: boolean | undefined
  /**
   * Is told of everything that was not handled. Default: what concerns you goes to `console.error`
   * (faults of the host, of a handler, of the store, a genuine event that does not fit), and what
   * any stranger can cause goes nowhere.
   */
  onError?: ReceiverErrorListener | undefined
}

/** Under `first` nobody but `onError` learns of a failure. */
export type RespondRule =
  | { respond?: 'after' | undefined }
  | { respond: 'first'; onError: ReceiverErrorListener }

/**
 * Listens to failures. Nobody waits for what it returns; a promise that rejects is logged.
 *
 * @param error - A `WebhooksError`, or what the handler or the store threw.
 */
export type ReceiverErrorListener = (error: unknown, failure: ReceiverFailure) => unknown

/** What a {@link ReceiverErrorListener} learns beside the error. */
export interface ReceiverFailure {
  /** The event; `null` if the request was not genuine. */
  event: WebhookPayload | null
  /** What the sender was answered. 2xx: it will not come again, and the event is yours to save. */
  status: number
}

/** A request as any framework has it. */
export interface ReceiverRequest {
  /** As it came: text or bytes. */
  body: WebhookBody
  headers: WebhookHeaders
  /** Keeps the runtime alive for work in the background, where it has such a function. */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** Verifies webhooks and hands them to handlers. None of its functions throws or needs a `this`. */
export interface Receiver {
  /**
   * For everything that speaks fetch: Workers, Deno, Bun, Next.js, Hono.
   *
   * @param context - The second argument of a Worker's `fetch` has the `waitUntil` that
   * `respond: 'first'` needs there.
   */
  fetch(request: Request, context?: Pick<ReceiverRequest, 'waitUntil'>): Promise<Response>
  /**
   * A handler for Express, and for `node:http`: `app.post('/hooks', receiver.express())`. It reads
   * the request itself, so no parser belongs before it; the bytes of `express.raw` will do too.
   */
  express(): ReturnType<typeof expressHandler>
  /**
   * A plugin for Fastify: `app.register(receiver.fastify, { prefix: '/hooks' })`. Inside of it
   * Fastify parses no body.
   */
  fastify: ReturnType<typeof fastifyPlugin>
  /** For any other framework: takes what came, gives what to answer. */
  receive(request: ReceiverRequest): Promise<ReceiverAnswer>
  /** Resolves once no handler is at work: wait for it before the process ends. */
  idle(): Promise<void>
}

/**
 * Creates a receiver of webhooks (Standard Webhooks 1.0.0) on any runtime with WebCrypto: it
 * verifies, refuses replays, handles each `webhook-id` once, and answers.
 *
 * Answers: 2xx handled (or handled before, or nothing to do), 400 not genuine or malformed, 405 not
 * a POST, 409 being handled elsewhere, 413 too large, 500 the handler or the host failed, 501 no
 * handler (by `unhandled`), 503 too much in the background. The sender repeats all but 2xx.
 *
 * @example
 * const receiver = createReceiver({
 *   events: ainexlayerEvents,
 *   secrets: process.env.WEBHOOK_SECRET ?? '',
 *   handlers: { 'document.processed': async ({ data }) => index(data.document.id) },
 * })
 * app.post('/hooks', receiver.express())
 *
 * @throws WebhooksError `invalid_secret`, `invalid_option`, `unknown_event`
 */
export function createReceiver<Events extends ReceivedEvents = Record<string, unknown>>(
  options: ReceiverOptions<Events> & RespondRule,
): Receiver {
  checkReceiverOptions(options)
  const { secrets, handlers, toleranceMs, maxBodyBytes = 524_288 } = options
  const { events, validate = true, unhandled = 'acknowledge' } = options
  const { onError = logOwnAffairs } = options
  const once = new Once({
    store: options.idempotency ?? memoryIdempotency(),
    respond: options.respond ?? 'after',
    leaseMs: options.leaseMs ?? 300_000,
    keepMs: options.keepMs ?? 604_800_000,
    maxInBackground: options.maxInBackground ?? 100,
    report,
  })

  async function receive({ body, headers, waitUntil }: ReceiverRequest): Promise<ReceiverAnswer> {
    let event: WebhookPayload | null = null
    try {
      event = await verify(checkBody(body, maxBodyBytes), headers, secrets, { toleranceMs })
      if (event.type === 'webhook.test') return handled
      const handler = handlerOf(handlers, event.type)
      if (handler === null) return unhandled === 'acknowledge' ? handled : unhandledType
      return await once.run({ event: checked(event), handler, waitUntil })
    } catch (error) {
      return refuse(error, event)
    }
  }

  function checked(event: WebhookPayload): WebhookPayload {
    if (!validate || !events?.has(event.type)) return event
    return { ...event, data: events.parse(event.type, event.data) }
  }

  function refuse(error: unknown, event: WebhookPayload | null = null): ReceiverAnswer {
    const answer = answerTo(error)
    report(error, { event, status: answer.status })
    return answer
  }

  /** A listener that fails must not turn one answer into another, nor end the process. */
  function report(error: unknown, failure: ReceiverFailure): void {
    const told = (async () => onError(error, failure))()
    told.catch((own) => logOwnAffairs(own, failure))
  }

  const entrance = { receive, refuse, maxBodyBytes }
  return {
    receive,
    fetch: fetchHandler(entrance),
    express: () => expressHandler(entrance),
    fastify: fastifyPlugin(entrance),
    idle: () => once.idle(),
  }
}

/** What the adapters need of a receiver. */
export interface Entrance {
  receive(request: ReceiverRequest): Promise<ReceiverAnswer>
  refuse(error: unknown): ReceiverAnswer
  maxBodyBytes: number
}

/** What any stranger can cause would let strangers fill the log. */
function logOwnAffairs(error: unknown, { event, status }: ReceiverFailure): void {
  if (event === null && status < 500) return
  console.error(`webhook receiver: answered ${status}${event ? ` to ${event.id}` : ''}:`, error)
}

const optionNames: readonly (keyof ReceiverOptions<ReceivedEvents>)[] = [
  'events',
  'secrets',
  'handlers',
  'respond',
  'idempotency',
  'leaseMs',
  'keepMs',
  'toleranceMs',
  'maxBodyBytes',
  'maxInBackground',
  'unhandled',
  'validate',
  'onError',
]

function checkReceiverOptions<Events extends ReceivedEvents>(
  options: ReceiverOptions<Events>,
): void {
  checkOptions('createReceiver', options, optionNames)
  const { events, handlers, respond = 'after', onError, idempotency = false } = options
  checkSecrets(options.secrets)
  if (typeof handlers !== 'object' || handlers === null) {
    throw invalid('handlers must be an object of functions by event type')
  }
  for (const [name, handler] of Object.entries(handlers)) {
    if (handler !== undefined && typeof handler !== 'function') {
      throw invalid(`The handler of ${JSON.stringify(name)} is not a function`)
    }
    if (events !== undefined && name !== '*' && !events.has(name)) {
      throw new WebhooksError(
        'unknown_event',
        `There is a handler for ${JSON.stringify(name)}, which is not among the events`,
      )
    }
  }
  if (!['after', 'first'].includes(respond)) throw invalid('respond must be "after" or "first"')
  if (respond === 'first' && typeof onError !== 'function') {
    throw invalid(
      'respond: "first" needs onError: after a 2xx the sender does not come again, and nobody else ' +
        'learns of a handler that failed',
    )
  }
  if (!['acknowledge', 'refuse', undefined].includes(options.unhandled)) {
    throw invalid('unhandled must be "acknowledge" or "refuse"')
  }
  const methods = ['claim', 'done', 'release'] as const
  const isStore = (store: IdempotencyStore) =>
    methods.every((method) => typeof store?.[method] === 'function')
  if (idempotency !== false && !isStore(idempotency)) {
    throw invalid('idempotency must be a store with claim, done and release, or false')
  }
  for (const name of ['leaseMs', 'keepMs', 'maxBodyBytes', 'maxInBackground'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw invalid(`${name} must be a number above 0`)
    }
  }
  if (options.toleranceMs !== undefined && !(options.toleranceMs >= 0)) {
    throw invalid('toleranceMs must be a number of milliseconds, zero or more')
  }
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', `createReceiver: ${message}.`)
}
